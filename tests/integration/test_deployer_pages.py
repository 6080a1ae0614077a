"""The footer's pages in the words of whoever runs the service."""

import subprocess

import pytest
import requests
from support.buyer import Page
from support.stack import Stack

PAGES = {
    "accessibilite": "accessibilite.html",
    "mentions-legales": "mentions-legales.html",
    "donnees-personnelles": "donnees-personnelles.html",
    "cookies": "cookies.html",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All but the cookies, which stay ours."""
    place = tmp_path_factory.mktemp("deployer")
    for path, name in PAGES.items():
        if path != "cookies":
            (place / name).write_text(f"<p>{path} de la <strong>Ville d’Évry</strong></p>\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def url(tmp_path_factory, folder):
    one = Stack(tmp_path_factory.mktemp("stack"), VR_TEMPLATES_DIR=str(folder), VR_ACCESSIBILITY_STATUS="partial")
    one.start()
    yield one.url + "/buyer/"
    one.stop()


@pytest.mark.parametrize("path", [path for path in PAGES if path != "cookies"])
def test_a_fragment_takes_the_place_of_our_text(url, path):
    answer = requests.get(url + path, timeout=15)
    assert answer.status_code == 200 and f"<p>{path} de la <strong>Ville d’Évry</strong></p>" in answer.text
    assert "À compléter par l’organisme" not in answer.text
    assert Page(answer).title.endswith("– Voie Rapide")


def test_the_others_stay_ours(url):
    assert "Gestion des cookies" in requests.get(url + "cookies", timeout=15).text


def test_the_footer_says_what_the_audit_found(url):
    page = requests.get(url + "cookies", timeout=15)
    assert "Accessibilité\xa0: partiellement conforme" in page.text
    assert Page(requests.get(url + "accessibilite", timeout=15)).title.startswith("Déclaration d’accessibilité\xa0: partiellement")


def test_it_is_not_compliant_unless_somebody_says_so(stack):
    assert "Accessibilité\xa0: non conforme" in requests.get(stack.url + "/buyer/cookies", timeout=15).text


def test_a_broken_fragment_stops_the_start(stack, tmp_path):
    (tmp_path / "cookies.html").write_bytes(b"\xff\xfe")
    own = {"VR_TEMPLATES_DIR": str(tmp_path), "VR_WIZARD_MANAGEMENT_PORT": "0", "VR_MANAGEMENT_PORT": "0"}
    told = subprocess.run(["vr-wizard"], env=stack.env | own,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
    assert told.returncode != 0 and "cookies.html: it is not UTF-8 text" in told.stdout
