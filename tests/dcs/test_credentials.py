"""Tests of dcs/credentials.py: where credentials come from, and that they stay hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.dcs import credentials as source
from orchestrator.dcs.credentials import AbsentCredentialsError, Credentials, CredentialsProvider
from orchestrator.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = {"HUAWEICLOUD_SDK_AK": "AK1", "HUAWEICLOUD_SDK_SK": "SK1"}
NOWHERE = {"HOME": "/nonexistent"}


async def inline(read: Callable[[], Credentials]) -> Credentials:
    return read()


class TestCredentials:
    """A whole set of one kind."""

    @pytest.mark.parametrize(
        "parts",
        [{}, {"ak": "a"}, {"sk": "s"}, {"ak": "a", "sk": "s", "token": "t"}, {"ak": "a", "token": "t"}],
    )
    def test_half_a_set_or_two_are_refused(self, parts: dict[str, str]) -> None:
        with pytest.raises(CredentialsError, match="access key"):
            source.static(**parts)

    @pytest.mark.parametrize("sk", ["hunter2\r\nX-Evil: 1", "hunter2 hunter2", "hünter2", "hunter2\0"])
    def test_what_would_forge_a_header_is_refused_and_not_shown(self, sk: str) -> None:
        with pytest.raises(CredentialsError, match="the sk has blanks") as caught:
            Credentials(ak="AK", sk=sk)
        assert "unter2" not in str(caught.value)


class TestEnv:
    """Variables, or the files that they name."""

    def test_reads_the_vendors_variables(self) -> None:
        environ = {**KEY, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "ST", "HUAWEICLOUD_SDK_PROJECT_ID": "P"}
        assert source.from_env(environ).read() == Credentials(ak="AK1", sk="SK1", security_token="ST", project_id="P")

    def test_reads_those_of_the_vendors_examples(self) -> None:
        found = source.from_env({"CLOUD_SDK_AK": "AK2", "CLOUD_SDK_SK": " SK2\n"}).read()
        assert (found.ak, found.sk) == ("AK2", "SK2")

    def test_the_first_family_wins_whole(self) -> None:
        found = source.from_env({**KEY, "CLOUD_SDK_AK": "AK2", "CLOUD_SDK_SK": "SK2"}).read()
        assert (found.ak, found.sk) == ("AK1", "SK1")

    def test_two_halves_of_different_keys_make_no_key(self) -> None:
        with pytest.raises(CredentialsError, match="neither HUAWEICLOUD_SDK_SK nor HUAWEICLOUD_SDK_SK_FILE"):
            source.from_env({"HUAWEICLOUD_SDK_AK": "AK1", "CLOUD_SDK_SK": "SK2"}).read()
        with pytest.raises(CredentialsError, match="neither CLOUD_SDK_AK nor"):
            source.from_env({"CLOUD_SDK_SK": "SK2"}).read()

    def test_says_where_it_looked(self) -> None:
        with pytest.raises(AbsentCredentialsError, match=r"HUAWEICLOUD_SDK_AK.*CLOUD_SDK_SK.*_FILE"):
            source.from_env({"HUAWEICLOUD_SDK_AK": ""}).read()

    def test_a_mounted_file_is_read_again_at_every_fetch(self, tmp_path: Path) -> None:
        """Secrets rotate under the same name."""
        secret = tmp_path / "sk"
        secret.write_text("first\n")
        provider = source.from_env({"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK_FILE": str(secret)})
        assert provider.read().sk == "first"
        secret.write_bytes(b"\xef\xbb\xbfsecond")
        assert provider.read().sk == "second"

    def test_a_variable_and_its_file_at_once_are_refused(self) -> None:
        with pytest.raises(CredentialsError, match="both HUAWEICLOUD_SDK_SK and HUAWEICLOUD_SDK_SK_FILE"):
            source.from_env({**KEY, "HUAWEICLOUD_SDK_SK_FILE": "/x"}).read()

    @pytest.mark.parametrize(
        ("content", "why"),
        [(b"", "is empty"), (b" \n", "is empty"), (b"x" * 70_000, "larger than"), (b"\xff\xfe\xfa", "not UTF-8")],
    )
    def test_a_file_that_holds_no_secret_is_named(self, tmp_path: Path, content: bytes, why: str) -> None:
        secret = tmp_path / "sk"
        secret.write_bytes(content)
        with pytest.raises(CredentialsError, match=f"HUAWEICLOUD_SDK_SK_FILE.*{secret}.*{why}"):
            source.from_env({"HUAWEICLOUD_SDK_AK": "A", "HUAWEICLOUD_SDK_SK_FILE": str(secret)}).read()

    @pytest.mark.parametrize(
        ("path", "why"), [("/nonexistent/sk", "No such file"), ("/", "directory"), ("a\0b", "null")]
    )
    def test_a_file_that_cannot_be_read_is_named(self, path: str, why: str) -> None:
        with pytest.raises(CredentialsError, match=f"HUAWEICLOUD_SDK_AK_FILE.*{why}"):
            source.from_env({"HUAWEICLOUD_SDK_AK_FILE": path}).read()

    def test_the_environment_is_the_process_s_own_unless_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        provider = source.from_env()
        for name, value in KEY.items():
            monkeypatch.setenv(name, value)
        assert provider.read().ak == "AK1"


class TestToken:
    """An IAM token instead of a key."""

    def test_from_its_variable(self) -> None:
        found = source.from_token({"HUAWEICLOUD_SDK_TOKEN": "T", "HUAWEICLOUD_SDK_PROJECT_ID": "P"}).read()
        assert found == Credentials(token="T", project_id="P")

    def test_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "t").write_text("T2\n")
        assert source.from_token({"HUAWEICLOUD_SDK_TOKEN_FILE": str(tmp_path / "t")}).read().token == "T2"

    def test_says_where_it_looked(self) -> None:
        with pytest.raises(AbsentCredentialsError, match="HUAWEICLOUD_SDK_TOKEN_FILE"):
            source.from_token({}).read()


class TestProfile:
    """The vendor's credentials file."""

    def profile(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @pytest.mark.parametrize("section", ["basic", "basiccredentials"])
    def test_reads_either_section(self, tmp_path: Path, section: str) -> None:
        text = f"[global]\nak=no\n[{section}]\nak = AK3\nsk = 100%sure\nsecurity_token = ST\nproject_id = P\n"
        path = self.profile(tmp_path / "c", text)
        expected = Credentials(ak="AK3", sk="100%sure", security_token="ST", project_id="P")
        assert source.from_profile(path, {}).read() == expected
        assert source.from_profile(environ={"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)}).read() == expected

    def test_looks_in_the_home_directory(self, tmp_path: Path) -> None:
        self.profile(tmp_path / ".huaweicloud" / "credentials", "[basic]\nak=AK4\nsk=SK4\n")
        assert source.from_profile(environ={"HOME": str(tmp_path)}).read().ak == "AK4"

    def test_the_project_of_the_environment_wins(self, tmp_path: Path) -> None:
        path = self.profile(tmp_path / "c", "[basic]\nak=A\nsk=S\nproject_id=old\n")
        assert source.from_profile(path, {"HUAWEICLOUD_SDK_PROJECT_ID": "new"}).read().project_id == "new"

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("sk=hunter2\n", "not an INI file"),
            ("[basic]\nhunter2\n", "not an INI file"),
            ("[basic]\nsk=hunter2\nsk=hunter2\n", "not an INI file"),
            ("[other]\nsk=hunter2\n", "neither a section"),
            ("[basic]\nsk=hunter2\n", "needs both ak and sk"),
            ("[basic]\nak=hunter2\nsk=\n", "needs both ak and sk"),
        ],
    )
    def test_a_broken_one_is_named_and_not_quoted(self, tmp_path: Path, text: str, why: str) -> None:
        path = self.profile(tmp_path / "c", text)
        with pytest.raises(CredentialsError, match=f"{path}.*{why}") as caught:
            source.from_profile(path, {}).read()
        assert "hunter2" not in str(caught.value)

    def test_says_where_it_looked(self) -> None:
        with pytest.raises(AbsentCredentialsError, match=r"there is no /nonexistent/\.huaweicloud/credentials"):
            source.from_profile(environ=NOWHERE).read()

    def test_one_that_was_named_must_be_there(self) -> None:
        with pytest.raises(CredentialsError, match="/nonexistent/c cannot be read") as caught:
            source.from_profile("/nonexistent/c", {}).read()
        assert not isinstance(caught.value, AbsentCredentialsError)


class TestAuto:
    """Environment, then token, then profile."""

    def test_the_environment_comes_first(self) -> None:
        assert source.auto({**KEY, "HUAWEICLOUD_SDK_TOKEN": "T"}).read().ak == "AK1"

    def test_then_the_token(self) -> None:
        assert source.auto({"HUAWEICLOUD_SDK_TOKEN": "T"}).read().token == "T"

    def test_then_the_profile(self, tmp_path: Path) -> None:
        (tmp_path / "c").write_text("[basic]\nak=AK5\nsk=S\n")
        assert source.auto({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "c")}).read().ak == "AK5"

    def test_lists_every_place_that_it_looked_at(self) -> None:
        with pytest.raises(CredentialsError) as caught:
            source.auto(NOWHERE).read()
        for name in ("HUAWEICLOUD_SDK_AK", "CLOUD_SDK_AK", "HUAWEICLOUD_SDK_TOKEN", "HUAWEICLOUD_SDK_CREDENTIALS_FILE"):
            assert name in str(caught.value)

    def test_broken_ones_are_not_passed_over(self) -> None:
        with pytest.raises(CredentialsError, match="HUAWEICLOUD_SDK_SK"):
            source.auto({"HUAWEICLOUD_SDK_AK": "A", "HUAWEICLOUD_SDK_TOKEN": "T"}).read()


class TestProviders:
    """One seam for all of them."""

    async def test_reading_goes_where_it_is_told(self) -> None:
        provider = source.from_env(KEY, offload=inline)
        assert isinstance(provider, CredentialsProvider)
        assert (await provider.fetch()).ak == "AK1"

    async def test_reading_leaves_the_event_loop_by_default(self) -> None:
        assert (await source.from_token({"HUAWEICLOUD_SDK_TOKEN": "T"}).fetch()).token == "T"

    async def test_static_ones_are_always_the_same(self) -> None:
        provider = source.static(token="T")
        assert await provider.fetch() is provider.read()
