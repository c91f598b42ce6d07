"""A skip that is not in the committed list fails its run; one that is there does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import skips

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parents[3]
SUPPORT = ROOT / "tests/support"
TESTS = {
    "test_calls": "import pytest\ndef test_it():\n    pytest.skip('/some/file is not here')",
    "test_marks": "import pytest\n@pytest.mark.skip(reason='/some/file is not here')\ndef test_it(): pass",
    "test_modules": "import pytest\npytest.skip('/some/file is not here', allow_module_level=True)",
    "test_fixtures": (
        "import pytest\n@pytest.fixture\ndef it():\n    pytest.skip('/some/file is not here')\ndef test_it(it): pass"
    ),
}


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    """Hold tests that skip, in the folder tests."""
    folder = pytester.mkdir("tests")
    for name, source in TESTS.items():
        (folder / f"{name}.py").write_text(source)
    return pytester


def outcome(run: pytest.Pytester, expected: skips.Expected) -> pytest.RunResult:
    options = ("-rs", "-p", "no:asyncio", "--continue-on-collection-errors")
    return run.runpytest_inprocess(*options, "tests", plugins=[skips.Check(expected)])


@pytest.mark.parametrize(
    "expected",
    [
        {"tests": ["another reason", "* is not here"]},
        {f"tests/{name}.py": ["/some/file is not here"] for name in TESTS},
    ],
    ids=["folder", "files"],
)
def test_a_listed_skip_is_a_skip(run: pytest.Pytester, expected: skips.Expected) -> None:
    done = outcome(run, expected)
    done.assert_outcomes(skipped=len(TESTS))
    assert done.ret == pytest.ExitCode.OK
    assert "/some/file is not here" in str(done.stdout)


@pytest.mark.parametrize(
    "expected",
    [{}, {"tests": ["is not here"]}, {"tes": ["*"]}, {"tests/test_other.py": ["*"]}],
    ids=["nothing", "another reason", "half a path", "another file"],
)
def test_any_other_skip_fails_and_says_what_to_do(run: pytest.Pytester, expected: skips.Expected) -> None:
    done = outcome(run, expected)
    done.assert_outcomes(failed=1, errors=3)  # all but a skip within a test are errors
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert str(done.stdout).count("skipped: /some/file is not here") == len(TESTS)
    assert "This skip is not in tests/skips.toml. Make the test run here, or add its file and reason there." in str(
        done.stdout
    )


def test_a_failure_that_is_expected_is_no_skip(pytester: pytest.Pytester) -> None:
    failing = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False"
    pytester.mkdir("tests").joinpath("test_it.py").write_text(failing)
    outcome(pytester, {}).assert_outcomes(xfailed=1)


def test_the_committed_list_is_checked_in_every_folder(request: pytest.FixtureRequest) -> None:
    assert [type(plugin) for plugin in request.config.pluginmanager.get_plugins()].count(skips.Check) == 1


@pytest.mark.parametrize("path", skips.listed())
def test_every_entry_of_the_list_is_the_reason_of_a_skip(path: str) -> None:
    searched = sources(ROOT / path)
    wording = [max(pattern.split("*"), key=len) for pattern in skips.listed()[path]]
    assert [words for words in wording if words not in searched] == []


def test_the_reason_of_a_skip_elsewhere_is_none_of_a_path() -> None:
    assert "set LOCUTION_TESTDATA" in sources(ROOT / "tests/service/asr")
    assert "set LOCUTION_TESTDATA" not in sources(ROOT / "tests/chaos")


def sources(path: Path) -> str:
    """Return the text of a file, or of all below a folder, and of the modules of tests.support that it imports."""
    own = "".join(file.read_text(encoding="utf-8") for file in ([path] if path.is_file() else path.rglob("*.py")))
    assert own
    shared = [
        file for file in SUPPORT.glob("*.py") if re.search(rf"from tests\.support(\.| import .*){file.stem}\b", own)
    ]
    return own + "".join(file.read_text(encoding="utf-8") for file in shared)
