"""The words that receipts and signs are made of."""

from __future__ import annotations

import numpy as np

SHOPS = (
    "CORNER", "MARKET", "BAKERY", "GREEN", "HARBOUR", "CENTRAL", "BOOKS", "COFFEE", "HOUSE", "PHARMACY", "GARDEN", "CITY",
)  # fmt: skip
STREETS = ("Main", "Mill", "Station", "Church", "River", "North", "Bridge", "Oak", "Hill", "Park")
GOODS = (
    "Milk", "Bread", "Butter", "Apples", "Rice", "Pasta", "Coffee", "Tea", "Sugar", "Tomato", "Cheese", "Yoghurt",
    "Water", "Orange", "Juice", "Paper", "Towel", "Soap", "Onions", "Pepper", "Salt", "Olive", "Oil", "Eggs", "Chicken", "Salad",
)  # fmt: skip
CLOSING = ("TOTAL", "SUBTOTAL", "CASH", "CHANGE", "CARD", "VAT")
SIGNS = (
    "EXIT", "OPEN", "PLATFORM", "TAXI", "HOTEL", "PARKING", "STATION", "CAFE", "LIBRARY", "MUSEUM", "SALE", "NO",
    "ENTRY",
    "PUSH", "PULL", "TOILETS", "LIFT", "BUS", "STOP", "GATE", "WELCOME", "TO", "THE", "OLD", "TOWN",
)  # fmt: skip


def pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    """One of the words."""
    return words[int(rng.integers(len(words)))]


def price(rng: np.random.Generator) -> str:
    """An amount of money."""
    return f"{rng.integers(1, 60)}.{rng.integers(0, 100):02d}"


def number(rng: np.random.Generator, digits: int) -> str:
    """A number of so many digits, as on tills and telephones."""
    return "".join(str(digit) for digit in rng.integers(0, 10, digits))
