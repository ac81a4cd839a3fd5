"""How many examples a reader gets: a few every day, ten times as many where slow tests are run."""

import pytest


@pytest.fixture(params=[30, pytest.param(300, marks=pytest.mark.slow)])
def examples(request):
    return request.param
