"""Fixtures for tests against the sample station; a daemon of its own each."""
import pytest

from station import SampleStation


@pytest.fixture
def sample(tmp_path):
    """The people are imported and both keys are linked; no service record is there yet."""
    made = SampleStation(tmp_path)
    try:
        made.import_people().link()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The same, for a whole file of tests that follow one another."""
    made = SampleStation(tmp_path_factory.mktemp("sample"))
    try:
        made.import_people().link()
        yield made
    finally:
        made.close()
