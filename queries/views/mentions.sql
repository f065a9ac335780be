-- /// view
-- title = "Mentions"
-- question = "In which rows of a data file of the lake stands which word, in the request, the answer or the list of resources?"
-- [columns]
-- file = "data file of the lake that has the events"
-- word = "number that stands for the word: a whole text of the JSON, as it is written there, or an ARN"
-- rows = "rows of the file that have it, from 0; null where they are over 400, and over a hundredth of the file"
-- ///
-- A data file never changes, nor does what is named in it: `pipeline.casework.sightings` keeps these rows, by which
-- `pipeline.casework.mentioned` finds a name. Of JSON without a backslash every second piece between quotes is a text;
-- of other JSON all pieces are taken. A word has 4 to 256 characters.
with texts as (
    select file, requestParameters as text, list(row::uinteger) as rows
    from events_by_file
    where requestParameters is not null
    group by file, requestParameters
    union all
    select file, responseElements as text, list(row::uinteger) as rows
    from events_by_file
    where responseElements is not null
    group by file, responseElements
),
listed as (
    select file, word, list(row) as rows
    from (
        select file, unnest(list_transform(resources, lambda each: each.ARN)) as word, row::uinteger as row
        from events_by_file
        where len(resources) > 0
    )
    group by file, word
),
sizes as (
    select file, greatest(400, count(*) // 100) as most
    from events_by_file
    group by file
),
words as (
    select
        file, rows,
        unnest(case
            when contains(text, '\') then string_split(text, '"')
            else string_split(text, '"')[2:-1:2]
        end) as word
    from texts
    union all
    select file, rows, word from listed
    union all
    select file, rows, '\escaped' as word
    from texts
    where contains(text, '\u00') and regexp_matches(text, '(?i)\\u00(3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])')
),
noted as (
    select file, hash(word) >> 16 as word, sum(len(rows)) as events, flatten(list(rows)) as rows
    from words
    where length(word) between 4 and 256
    group by file, hash(word) >> 16
)
select file, word, case when events <= most then list_sort(list_distinct(rows)) end as rows
from noted
join sizes using (file)
