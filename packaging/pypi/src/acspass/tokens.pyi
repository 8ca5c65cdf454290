from os import PathLike
from typing import Final, Optional, Union

from azure.core.credentials import AccessToken

MIN_VALIDITY: Final[str]
PATIENCE_SECONDS: Final[int]
LAST_RESORT_SECONDS: Final[int]
MOST_BYTES: Final[int]

class AcspassError(Exception):
    kind: str
    code: Optional[str]
    def __init__(self, kind: str, message: str, hint: str = "", code: Optional[str] = None) -> None: ...

class SignInNeeded(AcspassError): ...

class TokenRefresher:
    def __init__(
        self,
        account: Optional[str] = None,
        url: Optional[str] = None,
        secret_file: Optional[Union[str, PathLike[str]]] = None,
    ) -> None: ...
    def __call__(self) -> AccessToken: ...

class AsyncTokenRefresher:
    def __init__(
        self,
        account: Optional[str] = None,
        url: Optional[str] = None,
        secret_file: Optional[Union[str, PathLike[str]]] = None,
    ) -> None: ...
    async def __call__(self) -> AccessToken: ...
