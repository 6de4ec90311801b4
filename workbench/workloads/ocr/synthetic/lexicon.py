"""What receipts and signs say."""

from __future__ import annotations

import numpy as np

SHOPS = (
    "MARLOW AND SONS", "CORNER MARKET", "BLUE HERON CAFE", "GREENLEAF GROCERS", "OLD MILL BAKERY", "HARBOUR BOOKS",
    "PIXEL & INK", "NORTH END DELI", "SUNRISE PHARMACY", "TWIN OAKS HARDWARE", "THE TEA ROOM", "FRESH & FAST",
    "LUNA RESTAURANT", "CITY NOODLES", "STATION KIOSK",
)  # fmt: skip

STREETS = ("High Street", "Station Road", "Mill Lane", "Harbour View", "Park Avenue", "Bridge Street", "King's Row")

GOODS = (
    "Whole milk", "Rye bread", "Butter 250g", "Free range eggs", "Apples kg", "Bananas", "Orange juice", "Green tea",
    "Espresso", "Cappuccino", "Croissant", "Chicken soup", "Noodle bowl", "Tomatoes", "Cheddar", "Olive oil 0.5L",
    "Dark chocolate", "Sparkling water", "Notebook A5", "Pencil HB", "Batteries AA", "Light bulb", "Hand soap",
    "Paper towels", "Fish and chips", "House salad", "Lemon cake", "Rice 1kg", "Pasta", "Honey", "Oat cookies",
    "Ginger ale", "Salt", "Black pepper", "Yoghurt", "Potatoes 2kg",
)  # fmt: skip

CLOSINGS = (
    "Thank you for your visit!", "Please come again", "Enjoy your day", "Keep this receipt", "Goods can be returned",
    "See you soon",
)  # fmt: skip

FINE_PRINT = (
    "Refunds within fourteen days with receipt only. Sealed goods excepted.",
    "Prices include value added tax. Points are credited overnight.",
    "This document was printed by the till and needs no signature.",
)

SIGNS = (
    ("EXIT",), ("NO ENTRY",), ("OPEN", "Mon - Sat 9:00 - 18:00"), ("CAR PARK", "Level 2"), ("PLATFORM 4", "All trains"),
    ("FRESH FISH", "Daily from 7:30"), ("CITY CENTRE", "Airport", "Harbour"), ("SALE", "up to 50%"), ("LIBRARY",),
    ("MIND THE STEP",), ("BOOKS & COFFEE", "since 1987"), ("PHARMACY", "Open late"), ("CAUTION", "Wet floor"),
    ("Riverside Walk", "1.5 miles"), ("TICKETS", "Cash or card"), ("STAFF ONLY",), ("WELCOME", "Please ring the bell"),
    ("HOTEL ASTORIA", "Rooms from 59"), ("BUS STOP", "Lines 4, 12, 31"), ("PUSH",), ("NOODLE BAR", "Lunch 8.90"),
    ("Town Hall", "Museum", "Old Market"), ("REDUCE SPEED", "NOW"), ("KEEP CLEAR", "24h access"),
    ("TO LET", "0114 496 021"),
)  # fmt: skip


def pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    """One of the choices."""
    return choices[rng.integers(len(choices))]


def digits(rng: np.random.Generator, count: int) -> str:
    """A number of this many digits; it may begin with zero."""
    return "".join(str(digit) for digit in rng.integers(0, 10, count))


def amount(rng: np.random.Generator, most: int = 40) -> float:
    """A price in a currency's units, with two decimals."""
    return int(rng.integers(45, most * 100)) / 100
