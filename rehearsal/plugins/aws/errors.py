"""Errors that the simulated account answers, in AWS's own codes and words."""


class AwsError(Exception):
    """A refusal by AWS. `code` is the API's error code, such as `DependencyViolation`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"api error {code}: {message}")
        self.code = code


class UnsupportedError(Exception):
    """Something that real AWS has and this simulation does not; the text names the file to extend."""
