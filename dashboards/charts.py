"""The charts of the pages, and the palette they share; every colour stands beside a word or a mark."""

from __future__ import annotations

from datetime import datetime, timedelta

import altair as alt
import pandas as pd

INK, MUTED, GRID, BLUE = "#1B2733", "#5C6B7A", "#E3E8ED", "#1F5F8B"
SEVERITIES = {
    "critical": "#7A1022",
    "high": "#B23A3A",
    "medium": "#C77B14",
    "low": "#3F76A6",
    "informational": "#6B7785",
}
OUTCOMES = {"ok": "#8FB3CC", "error": "#D98E1F", "denied": "#B23A3A"}
VERDICTS = {
    "used": "#5E8F7A",
    "denied_only": "#B23A3A",
    "unused": "#C77B14",
    "unused_low_confidence": "#E6BE7E",
    "not_observable": "#B8C1CA",
    "blocked": "#6B7785",
    "excluded": "#8E7AA8",
}
# A span of the histogram: how it is called, and Vega's name for it.
SPANS = {
    "minute": ("a minute", "utcyearmonthdatehoursminutes"),
    "hour": ("an hour", "utcyearmonthdatehours"),
    "day": ("a day", "utcyearmonthdate"),
}
_DAYS = {"events": "events", "silent": "no events, others of the account had some", "gap": "gap: none of the account"}


def _finished(
    chart: alt.Chart | alt.LayerChart, title: str, height: int, below: str | None = None
) -> alt.Chart | alt.LayerChart:
    under = {"subtitle": below, "subtitleColor": MUTED, "subtitleFontSize": 12} if below else {}
    heading = alt.Title(title, anchor="start", fontSize=14, fontWeight=600, color=INK, offset=0, **under)
    axis = {"labelColor": MUTED, "titleColor": MUTED, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID}
    legend = {"labelColor": INK, "titleColor": MUTED, "orient": "top", "symbolType": "square", "labelLimit": 320}
    # The height Streamlit gives is that of the whole picture, title, legend and axis included.
    shaped = chart.properties(title=heading, height=height).configure_axis(**axis, labelFontSize=12, titleFontSize=12)
    return shaped.configure_legend(**legend, labelFontSize=12, offset=4).configure_view(stroke=None)


def _scale(colors: dict[str, str], present: list[str]) -> alt.Scale:
    shown = [name for name in colors if name in present]
    return alt.Scale(domain=shown, range=[colors[name] for name in shown])


def histogram(activity: pd.DataFrame, unit: str) -> alt.Chart:
    """Events over time, a bar a span, stacked by outcome; takes `data.activity`."""
    long = activity[["span", *OUTCOMES]].melt("span", var_name="outcome", value_name="events")
    long["rank"] = long["outcome"].map({name: place for place, name in enumerate(OUTCOMES)})
    span = alt.X("span:T", title=None, timeUnit=SPANS[unit][1])
    chart = alt.Chart(long).mark_bar(binSpacing=1).encode(
        x=span.axis(labelOverlap=True, grid=False).scale(type="utc"),
        y=alt.Y("events:Q", title="events").axis(tickCount=5, format="~s"),
        color=alt.Color("outcome:N", scale=_scale(OUTCOMES, list(OUTCOMES)), title=None),
        order=alt.Order("rank:Q"),
        tooltip=[
            alt.Tooltip("span:T", title="from (UTC)", format="%Y-%m-%d %H:%M", timeUnit=SPANS[unit][1]),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("events:Q", format=","),
        ],
    )  # fmt: skip
    return _finished(chart, f"Events by outcome, a bar {SPANS[unit][0]} (UTC)", 300)


def days_of(days: pd.DataFrame, since: datetime, until: datetime) -> pd.DataFrame:
    """A row a day of [since, until], account and region with its `events` and `state`: events, silent or gap.

    A day is a gap where the whole account delivered nothing while it did before and after (the design's rule).
    """
    places = days[["account_id", "awsRegion"]].drop_duplicates()
    span = pd.DataFrame({"day": pd.date_range(since.date(), until.date(), freq="D")})
    seen = days.assign(day=pd.to_datetime(days["day"]))
    full = places.merge(span, how="cross").merge(
        seen[["account_id", "awsRegion", "day", "events"]], how="left", on=["account_id", "awsRegion", "day"]
    )
    full["events"] = full["events"].fillna(0).astype("int64")
    bounds = seen.groupby("account_id")["day"].agg(["min", "max"])
    of_account = full.groupby(["account_id", "day"])["events"].transform("sum")
    inside = (full["day"] > full["account_id"].map(bounds["min"])) & (
        full["day"] < full["account_id"].map(bounds["max"])
    )
    full["state"] = "events"
    full.loc[full["events"] == 0, "state"] = "silent"
    full.loc[(of_account == 0) & inside, "state"] = "gap"
    full["place"] = full["account_id"] + " · " + full["awsRegion"]
    return full


def strip(full: pd.DataFrame) -> alt.LayerChart:
    """What the log holds, a cell a day, account and region; takes `days_of`."""
    base = alt.Chart(full.assign(said=full["state"].map(_DAYS))).encode(
        x=alt.X("utcyearmonthdate(day):O", title=None).axis(
            format="%b %d", labelOverlap="greedy", labelAngle=0, domain=False, ticks=False
        ),
        y=alt.Y("place:N", title=None).axis(labelLimit=260, domain=False, ticks=False, labelOverlap=False),
        tooltip=[
            alt.Tooltip("place:N", title="account · region"),
            alt.Tooltip("day:T", title="day (UTC)", format="%Y-%m-%d", timeUnit="utcyearmonthdate"),
            alt.Tooltip("events:Q", format=","),
            alt.Tooltip("said:N", title="state"),
        ],
    )
    blues = alt.Scale(type="log", range=["#CFE0EC", "#1F5F8B"])
    color = alt.Color("events:Q", scale=blues, title="events").legend(
        orient="top", direction="horizontal", gradientLength=140, gradientThickness=8, tickCount=3, format="~s"
    )
    some = base.transform_filter("datum.events > 0").mark_rect(stroke="white", strokeWidth=1.5, cornerRadius=2)
    none = base.transform_filter("datum.state == 'silent'").mark_rect(color="#EEF1F4", stroke="white", strokeWidth=1.5)
    gap = base.transform_filter("datum.state == 'gap'").mark_rect(color="#F6D9D5", stroke="white", strokeWidth=1.5)
    mark = base.transform_filter("datum.state == 'gap'").mark_text(text="✕", color="#B23A3A", fontSize=11)
    chart = alt.layer(none, gap, some.encode(color=color), mark)
    below = "pale: none · ✕: gap, the whole account silent"
    title = "What the log holds: events a day, account and region"
    return _finished(chart, title, 22 * full["place"].nunique() + 136, below)


def timeline(findings: pd.DataFrame, since: datetime, until: datetime) -> alt.LayerChart:
    """When each finding was active, a line of dots a rule; takes rows of findings."""
    shown = findings[["title", "severity", "principal_arn", "first_seen", "last_seen", "count"]].copy()
    # A finding of one moment is drawn too: a bar as long as a hundredth of the window.
    least = max((until - since) / 160, timedelta(seconds=1))
    shown["end"] = shown["last_seen"].where(
        shown["last_seen"] - shown["first_seen"] > least, shown["first_seen"] + least
    )
    rules = list(shown["title"].unique())
    chart = alt.Chart(shown).mark_bar(height=11, cornerRadius=5, opacity=0.9).encode(
        x=alt.X("first_seen:T", title=None).axis(**_days(since, until)).scale(
            type="utc", domain=[_utc(since), _utc(until)]
        ),
        x2="end:T",
        y=alt.Y("title:N", title=None, sort=rules).axis(
            labelLimit=320, domain=False, ticks=False, grid=True, labelOverlap=False
        ),
        color=alt.Color("severity:N", scale=_scale(SEVERITIES, list(shown["severity"].unique())), title=None).legend(
            columns=3
        ),
        tooltip=[
            alt.Tooltip("title:N"),
            alt.Tooltip("severity:N"),
            alt.Tooltip("principal_arn:N", title="principal"),
            alt.Tooltip("first_seen:T", title="first (UTC)", format="%Y-%m-%d %H:%M", timeUnit=SPANS["minute"][1]),
            alt.Tooltip("count:Q", title="events", format=","),
        ],
    )  # fmt: skip
    return _finished(chart, "When findings were active (UTC)", 30 * len(rules) + 126)


def story(events: pd.DataFrame, since: datetime, until: datetime, most: int = 12) -> alt.Chart:
    """What a case did when, a lane a service, a circle for each span, outcome and service; takes rows of a timeline."""
    span = "h" if until - since < timedelta(days=10) else "D"
    lanes = list(events["service"].value_counts().index[:most])
    shown = events[events["service"].isin(lanes)]
    spots = shown.assign(span=shown["eventTime"].dt.floor(span)).groupby(["span", "service", "outcome"], observed=True)
    counted = spots.size().rename("events").reset_index()
    present = list(counted["outcome"].unique())
    chart = alt.Chart(counted).mark_circle(opacity=0.85).encode(
        x=alt.X("span:T", title=None).axis(grid=False, labelOverlap=True, **_days(since, until)).scale(
            type="utc", domain=[_utc(since), _utc(until)], nice=False, padding=12
        ),
        y=alt.Y("service:N", title=None, sort=lanes).axis(domain=False, ticks=False, grid=True, labelLimit=200),
        size=alt.Size("events:Q", scale=alt.Scale(type="sqrt", range=[25, 500]), legend=None),
        color=alt.Color("outcome:N", scale=_scale(OUTCOMES, present), title=None),
        order=alt.Order("events:Q", sort="descending"),
        tooltip=[
            alt.Tooltip("span:T", title="from (UTC)", format="%Y-%m-%d %H:%M", timeUnit=SPANS["minute"][1]),
            alt.Tooltip("service:N"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("events:Q", format=","),
        ],
    )  # fmt: skip
    unit = "an hour" if span == "h" else "a day"
    return _finished(chart, f"Events by service, a circle {unit} and outcome (UTC)", 26 * len(lanes) + 110)


def severity_bars(findings: pd.DataFrame) -> alt.LayerChart:
    """Open findings by severity, every severity named, with their number."""
    counted = (
        findings["severity"].value_counts().reindex(list(SEVERITIES), fill_value=0).rename("findings").reset_index()
    )
    base = alt.Chart(counted).encode(
        y=alt.Y("severity:N", title=None, sort=list(SEVERITIES)).axis(domain=False, ticks=False, labelPadding=8),
        x=alt.X("findings:Q", title=None).axis(None),
        tooltip=[alt.Tooltip("severity:N"), alt.Tooltip("findings:Q")],
    )
    bars = base.mark_bar(height=18, cornerRadiusEnd=3).encode(
        color=alt.Color("severity:N", scale=_scale(SEVERITIES, list(SEVERITIES)), legend=None)
    )
    words = base.mark_text(align="left", dx=6, fontSize=13, color=INK).encode(text="findings:Q")
    return _finished(alt.layer(bars, words), "Open findings by severity", 245)


def shares(verdicts: pd.DataFrame, most: int = 12) -> alt.Chart:
    """Granted permissions by verdict, a bar a principal, as shares of what each was granted; takes `data.verdicts`."""
    rows = verdicts.head(most).copy()
    # The end of a name tells it from others: Identity Center's long path gives way to it.
    long_path = r"^arn:[^:]+:iam::(\d*:role/)aws-reserved/sso\.amazonaws\.com/(?:[^/]+/)?"
    rows["principal"] = rows["principal_arn"].str.replace(long_path, r"\1…/", regex=True)
    rows["principal"] = rows["principal"].str.replace(r"^arn:[^:]+:iam::", "", regex=True)
    long = rows.melt(["principal", "granted"], list(VERDICTS), "verdict", "permissions")
    long["share"] = long["permissions"] / long["granted"].where(long["granted"] > 0)
    long["rank"] = long["verdict"].map({name: place for place, name in enumerate(VERDICTS)})
    present = list(long.loc[long["permissions"] > 0, "verdict"].unique())
    words = "replace(datum.label, /_/g, ' ')"
    chart = alt.Chart(long).mark_bar(height=15).encode(
        x=alt.X("share:Q", title="share of granted permissions", stack="zero")
        .axis(format="%", tickCount=5)
        .scale(domain=[0, 1]),
        y=alt.Y("principal:N", title=None, sort=list(rows["principal"])).axis(
            labelLimit=330, domain=False, ticks=False, labelOverlap=False
        ),
        color=alt.Color("verdict:N", scale=_scale(VERDICTS, present), title=None).legend(labelExpr=words, columns=6),
        order=alt.Order("rank:Q"),
        tooltip=[
            alt.Tooltip("principal:N"),
            alt.Tooltip("verdict:N"),
            alt.Tooltip("permissions:Q", format=","),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )  # fmt: skip
    return _finished(chart, "What each principal was granted, by verdict", 26 * len(rows) + 130)


def _days(since: datetime, until: datetime) -> dict[str, str]:
    """How an axis of many days says them, every one alike; a short one says hours by itself."""
    return {"format": "%b %d"} if until - since > timedelta(days=10) else {}


def _utc(moment: datetime) -> alt.DateTime:
    return alt.DateTime(
        year=moment.year, month=moment.month, date=moment.day, hours=moment.hour, minutes=moment.minute,
        seconds=moment.second, utc=True,
    )  # fmt: skip
