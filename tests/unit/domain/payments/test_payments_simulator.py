"""The card-payments simulator gives the published rows, fast or slowly, and fails in sentences."""

import gzip
import hashlib
import importlib
import multiprocessing
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DATA = Path(__file__).parents[4] / "data"
SCRIPT = DATA / "payments_simulator.py"
EXTRACT = DATA / "payments_extract.csv.gz"
EXTRACT_CUSTOMERS = 250
if str(DATA) not in sys.path:  # a checkout whose package is not installed
    sys.path.append(str(DATA))
simulator = importlib.import_module("payments_simulator")
Settings, Strengths, simulate = simulator.SimulationSettings, simulator.FraudStrengths, simulator.simulate

SMALL = Settings(customers=50, terminals=100, days=20, radius=12.0)


@pytest.fixture(scope="module")
def full() -> pd.DataFrame:
    """The published set, simulated once: 5 to 10 s."""
    return simulate()


@pytest.fixture(scope="module")
def extract() -> pd.DataFrame:
    """The committed extract."""
    return simulator.read_payments(EXTRACT)


# --- the published set ------------------------------------------------------------------------------------------------


def test_columns_are_the_published_ones_in_their_order(full: pd.DataFrame) -> None:
    names = "TRANSACTION_ID TX_DATETIME CUSTOMER_ID TERMINAL_ID TX_AMOUNT TX_TIME_SECONDS TX_TIME_DAYS TX_FRAUD"
    assert list(full.columns) == [*names.split(), "TX_FRAUD_SCENARIO"]
    assert full.dtypes.astype(str).to_dict() == dict.fromkeys(full.columns, "int64") | {
        "TX_DATETIME": "datetime64[ns]",
        "TX_AMOUNT": "float64",
    }


def test_counts_are_the_published_ones(full: pd.DataFrame) -> None:
    assert len(full) == 1_754_155
    assert full["TX_FRAUD"].sum() == 14_681
    assert full["TX_FRAUD_SCENARIO"].value_counts().to_dict() == {0: 1_739_474, 1: 973, 2: 9_077, 3: 4_631}


def test_first_rows_are_the_published_ones(full: pd.DataFrame) -> None:
    rows = full.loc[:4, ["TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"]].astype({"TX_DATETIME": str})
    assert [tuple(row) for row in rows.to_numpy()] == [
        ("2018-04-01 00:00:31", 596, 3156, 57.16),
        ("2018-04-01 00:02:10", 4961, 3412, 81.51),
        ("2018-04-01 00:07:56", 2, 1365, 146.00),
        ("2018-04-01 00:09:29", 4128, 8737, 64.49),
        ("2018-04-01 00:10:34", 927, 9906, 50.99),
    ]


def test_rows_are_consistent(full: pd.DataFrame) -> None:
    assert (full["TRANSACTION_ID"] == np.arange(len(full))).all()
    assert full["TX_TIME_SECONDS"].is_monotonic_increasing
    assert (full["TX_TIME_SECONDS"] // 86_400 == full["TX_TIME_DAYS"]).all()
    assert (
        full["TX_DATETIME"] == pd.Timestamp("2018-04-01") + pd.to_timedelta(full["TX_TIME_SECONDS"], unit="s")
    ).all()
    assert full["TX_DATETIME"].max() < pd.Timestamp("2018-10-01")
    assert (full["TX_AMOUNT"] == full["TX_AMOUNT"].round(2)).all()
    assert ((full["TX_FRAUD_SCENARIO"] > 0) == full["TX_FRAUD"]).all()


def day_number(text: str) -> int:
    return (pd.Timestamp(text) - pd.Timestamp("2018-04-01")).days


def customers_with_fraud(payments: pd.DataFrame) -> set[int]:
    return set(payments["CUSTOMER_ID"][payments["TX_FRAUD"] == 1])


def test_published_split(full: pd.DataFrame) -> None:
    """A test day d knows the cards of the training week's frauds and of those up to d - 8: labels come 7 days late."""
    train = full[full["TX_TIME_DAYS"].between(day_number("2018-07-25"), day_number("2018-07-31"))]
    assert (len(train), train["TX_FRAUD"].sum()) == (67_240, 598)
    known, kept = customers_with_fraud(train), []
    for day in range(day_number("2018-08-08"), day_number("2018-08-14") + 1):
        known |= customers_with_fraud(full[full["TX_TIME_DAYS"] == day - 8])
        today = full[full["TX_TIME_DAYS"] == day]
        kept.append(today[~today["CUSTOMER_ID"].isin(known)])
    assert (sum(map(len, kept)), sum(day["TX_FRAUD"].sum() for day in kept)) == (58_264, 385)


# --- the committed extract --------------------------------------------------------------------------------------------


def test_extract_is_what_the_simulation_gives(full: pd.DataFrame, extract: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(extract, simulator.first_customers(full, EXTRACT_CUSTOMERS))
    assert EXTRACT.stat().st_size < 3_000_000


def test_extract_covers_every_day_and_scenario(extract: pd.DataFrame) -> None:
    assert len(extract) == 86_968
    assert extract["TX_FRAUD_SCENARIO"].value_counts().to_dict() == {0: 86_149, 1: 54, 2: 481, 3: 284}
    assert extract["CUSTOMER_ID"].max() == EXTRACT_CUSTOMERS - 1
    assert extract["TX_TIME_DAYS"].nunique() == 183


def test_command_line_makes_the_extract(tmp_path: Path) -> None:
    output = tmp_path / "payments.csv.gz"
    command = [sys.executable, str(SCRIPT), "--output", str(output), "--customers", str(EXTRACT_CUSTOMERS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "100%" in done.stdout
    assert done.stdout.endswith(f"{output}: 86,968 payments, 819 of them fraudulent.\n")
    assert gzip.decompress(output.read_bytes()) == gzip.decompress(EXTRACT.read_bytes())
    assert list(tmp_path.iterdir()) == [output]


# --- against a plain loop ---------------------------------------------------------------------------------------------


def plain_payments(customers: int, terminals: int, days: int, radius: float) -> list[list]:
    """The description read literally, one draw after the other: [second, customer, terminal, amount, scenario]."""
    draw = np.random.RandomState(0)
    profiles = [[draw.uniform(*ends) for ends in ((0, 100), (0, 100), (5, 100), (0, 4))] for _ in range(customers)]
    draw = np.random.RandomState(1)
    places = [(draw.uniform(0, 100), draw.uniform(0, 100)) for _ in range(terminals)]
    rows = []
    for customer, (x, y, mean, rate) in enumerate(profiles):
        near = [n for n, (u, v) in enumerate(places) if np.sqrt((x - u) ** 2 + (y - v) ** 2) < radius]
        draw, pick = np.random.RandomState(customer), random.Random(customer)
        for day in range(days):
            for _ in range(draw.poisson(rate)):
                second = int(draw.normal(43_200, 20_000))
                if 0 < second < 86_400:
                    amount = draw.normal(mean, mean / 2)
                    if amount < 0:
                        amount = draw.uniform(0, 2 * mean)
                    if near:
                        rows.append([day * 86_400 + second, customer, pick.choice(near), np.round(amount, 2), 0])
    return sorted(rows, key=lambda row: row[0])


def plain_frauds(rows: list[list], customers: int, terminals: int, days: int, threshold: float) -> None:
    """The three scenarios, in place, with pandas' own `sample`."""
    for row in rows:
        row[4] = int(row[3] > threshold)
    for day in range(days - 1):
        chosen = set(pd.Series(range(terminals)).sample(n=2, random_state=day))
        for row in rows:
            if day <= row[0] // 86_400 < day + 28 and row[2] in chosen:
                row[4] = 2
    for day in range(days - 1):
        chosen = set(pd.Series(range(customers)).sample(n=3, random_state=day))
        theirs = [n for n, row in enumerate(rows) if day <= row[0] // 86_400 < day + 14 and row[1] in chosen]
        for n in random.Random(day).sample(theirs, k=int(len(theirs) / 3)):
            rows[n][3:] = [np.round(rows[n][3] * 5, 2), 3]


def test_small_simulation_equals_a_plain_loop() -> None:
    rows = plain_payments(50, 100, 20, radius=12.0)
    plain_frauds(rows, 50, 100, 20, threshold=180)
    columns = ["TX_TIME_SECONDS", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD_SCENARIO"]
    frame = simulate(replace(SMALL, fraud=Strengths(amount_threshold=180)))  # so that scenario 1 occurs
    assert {1, 2, 3} <= set(frame["TX_FRAUD_SCENARIO"])
    assert frame[columns].to_numpy().tolist() == [[float(value) for value in row] for row in rows]


# --- the same again, whatever surrounds it ----------------------------------------------------------------------------


def test_workers_do_not_change_rows() -> None:
    settings = Settings(customers=120, terminals=500, days=20, radius=9.0)
    one, two = simulate(settings, workers=1), simulate(settings, workers=2)
    pd.testing.assert_frame_equal(one, two)
    assert multiprocessing.active_children() == []


def test_without_worker_processes_one_process_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise NotImplementedError("no processes in a browser")

    monkeypatch.setattr("payments_model._in_workers", refused)
    settings = Settings(customers=120, terminals=500, days=5, radius=9.0)
    pd.testing.assert_frame_equal(simulate(settings, workers=2), simulate(settings, workers=1))


def test_global_generators_neither_matter_nor_move() -> None:
    first = simulate(SMALL)
    np.random.seed(7)
    random.seed(7)
    before = random.getstate(), np.random.get_state()[2]
    pd.testing.assert_frame_equal(first, simulate(SMALL))
    assert (random.getstate(), np.random.get_state()[2]) == before


def test_progress_grows_to_exactly_one() -> None:
    shares: list[float] = []
    simulate(SMALL, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_interrupt_leaves_no_worker() -> None:
    def interrupted(share: float) -> None:
        raise KeyboardInterrupt

    settings = Settings(customers=500, terminals=500, days=20, radius=9.0)
    with pytest.raises(KeyboardInterrupt):
        simulate(settings, interrupted, workers=2)
    assert multiprocessing.active_children() == []


# --- other seeds and strengths ----------------------------------------------------------------------------------------


def test_other_seed_gives_other_rows_and_seed_zero_the_published_ones() -> None:
    assert Settings.seeded(0) == Settings()
    other = Settings.seeded(1, customers=50, terminals=100, days=20, radius=12.0)
    assert not simulate(other).equals(simulate(SMALL))


def test_strengths_decide_the_frauds() -> None:
    none = Strengths(amount_threshold=1e9, terminals_a_day=0, customers_a_day=0)
    honest = simulate(replace(SMALL, fraud=none))
    assert honest["TX_FRAUD"].sum() == 0
    doubled = simulate(replace(SMALL, fraud=replace(none, customers_a_day=1, customer_days=1, amount_factor=2)))
    raised = doubled[doubled["TX_FRAUD"] == 1]
    assert (raised["TX_AMOUNT"] == (2 * honest["TX_AMOUNT"][raised.index]).round(2)).all()


def test_nobody_near_a_terminal_gives_no_rows() -> None:
    frame = simulate(Settings(customers=5, terminals=2, days=3, radius=0.001))
    assert len(frame) == 0
    assert list(frame.columns) == simulator.COLUMNS


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"customers": 0}, "customers must be a whole number of at least 1, not 0."),
        ({"days": 1.5}, "days must be a whole number of at least 1, not 1.5."),
        ({"radius": -1}, "radius must be a number above 0, not -1."),
        ({"start": "2018-04-01"}, "start must be a datetime.date, not '2018-04-01'."),
        ({"payments_a_day": (4, 0)}, "payments_a_day must be two numbers, 0 <= low <= high, not 4, 0."),
        ({"terminals": 1}, "fraud.terminals_a_day must not exceed terminals (1)."),
        ({"payment_seed": 2**32}, "A seed is too large: seed plus customers or days must stay within 2**32."),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refused:
        Settings(**wrong)
    assert str(refused.value) == sentence


def test_another_start_moves_the_calendar_only() -> None:
    moved = simulate(replace(SMALL, start=date(2024, 2, 28)))
    pd.testing.assert_frame_equal(moved.drop(columns="TX_DATETIME"), simulate(SMALL).drop(columns="TX_DATETIME"))
    assert moved["TX_DATETIME"].min().date() == date(2024, 2, 28)


# --- files and the command line ---------------------------------------------------------------------------------------


def test_written_rows_are_read_back_and_bytes_repeat(tmp_path: Path) -> None:
    frame, files = simulate(SMALL), [tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"]
    for file in files:
        simulator.write_payments(frame, file)
    pd.testing.assert_frame_equal(simulator.read_payments(files[0]), frame)
    assert len({hashlib.sha256(file.read_bytes()).digest() for file in files}) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ("", 2, "The following arguments are required: --output (see --help)."),
        ("--output {folder}/a.csv", 2, "The output's name must end with .csv.gz, not be 'a.csv'."),
        ("--output {folder}/a.csv.gz --customers 0", 2, "--customers must be from 1 to 5000, not 0."),
        ("--output {folder}/a.csv.gz --customers 5001", 2, "--customers must be from 1 to 5000, not 5001."),
        ("--output {folder}/a.csv.gz --seed -1", 2, "The seed must be a whole number from 0 to 4,293, not -1."),
        (
            "--output {folder}/a.csv.gz --workers 0",
            2,
            "The number of workers must be a whole number of at least 1, not 0.",
        ),
        (
            "--output {folder}/no/a.csv.gz",
            1,
            "Nothing was written to {folder}/no/a.csv.gz: No such file or directory.",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: str, status: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulator.main([word.format(folder=tmp_path) for word in arguments.split()]) == status
    assert capsys.readouterr() == ("", f"payments_simulator: {sentence.format(folder=tmp_path)}\n")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_command_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulator, "simulate", interrupted)
    (tmp_path / "a.csv.gz").write_text("an earlier file")
    assert simulator.main(["--output", str(tmp_path / "a.csv.gz")]) == 130
    assert capsys.readouterr().err == "payments_simulator: Interrupted: nothing was written.\n"
    assert [file.read_text() for file in tmp_path.iterdir()] == ["an earlier file"]
