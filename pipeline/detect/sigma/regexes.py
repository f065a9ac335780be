"""pySigma's checks of regular expressions by RE2, the engine DuckDB matches with, without its own log on stderr."""

from __future__ import annotations

from typing import Any

from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine


class _Quiet(RE2RegexEngine):
    def compile(self, pattern: str, flags: int = 0) -> Any:
        """The compiled pattern; raises `error` with RE2's reason. Flags are Python's, of which i, m and s count."""
        options = self._re2.Options()
        options.log_errors = False
        names = {2: "i", 8: "m", 16: "s"}
        inline = "".join(name for flag, name in names.items() if int(flags) & flag)
        try:
            return self._re2.compile(f"(?{inline}){pattern}" if inline else pattern, options)
        except self._re2.error as error:
            reason = error.args[0] if error.args else ""
            raise self._re2.error(reason.decode(errors="replace") if isinstance(reason, bytes) else reason) from None


POLICY = SigmaPolicy(regex_engine=_Quiet())
