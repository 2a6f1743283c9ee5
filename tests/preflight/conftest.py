"""Names moto's account, which it reads as it is imported."""

import os

os.environ["MOTO_ACCOUNT_ID"] = "210987654321"
