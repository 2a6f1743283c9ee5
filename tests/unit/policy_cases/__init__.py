"""What each rule of the policy pack lets pass and what it refuses, by the rules' names; a file for some subjects each."""
