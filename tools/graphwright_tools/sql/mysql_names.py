"""Which names may stand before a parenthesis in a statement for MySQL or MariaDB."""

from __future__ import annotations

import re
from typing import Final

WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """
    all and any as between binary by case cross distinct div else except exists from group
    having if in inner intersect interval is join lateral left like limit match mod natural not
    offset on or order outer over partition recursive regexp replace right rlike row select some
    table then union using values when where with within xor
    """,
    )
)
"""Words of SQL, which are no functions."""

FUNCTIONS: Final = frozenset(
    re.findall(
        r"\w+",
        """
    abs acos adddate addtime ascii asin atan atan2 avg bin bit_and bit_count bit_length bit_or
    bit_xor cast ceil ceiling char char_length character_length chr coalesce coercibility concat
    concat_ws conv convert convert_tz cos cot count crc32 cume_dist curdate current_date
    current_time current_timestamp curtime date date_add date_format date_sub datediff day
    dayname dayofmonth dayofweek dayofyear decimal degrees dense_rank elt exp export_set extract
    extractvalue field find_in_set first_value floor format format_bytes from_base64 from_days
    from_unixtime get_format greatest group_concat grouping hex hour ifnull insert instr
    inet_aton inet_ntoa inet6_aton inet6_ntoa is_uuid isnull json_array json_array_append
    json_array_insert json_arrayagg json_compact json_contains json_contains_path json_depth
    json_detailed json_equals json_exists json_extract json_insert json_keys json_length
    json_loose json_merge_patch json_merge_preserve json_normalize json_object json_objectagg
    json_overlaps json_pretty json_query json_quote json_remove json_replace json_search
    json_set json_table json_type json_unquote json_valid json_value lag last_day last_value
    lcase lead least length ln localtime localtimestamp locate log log10 log2 lower lpad ltrim
    make_set makedate maketime max md5 median microsecond mid min minute month monthname
    natural_sort_key now nth_value ntile nullif nvl nvl2 oct octet_length ord percent_rank
    percentile_cont percentile_disc period_add period_diff pi position pow power quarter quote
    radians rand rank regexp_instr regexp_like regexp_replace regexp_substr repeat reverse round
    row_number rpad rtrim sec_to_time second sha sha1 sha2 sign signed sin soundex space sqrt
    std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring
    substring_index subtime sum sysdate tan time time_format time_to_sec timediff timestamp
    timestampadd timestampdiff to_base64 to_char to_days to_seconds trim truncate ucase unhex
    unix_timestamp unsigned upper utc_date utc_time utc_timestamp uuid uuid_short value var_pop
    var_samp varchar variance version week weekday weekofyear weight_string year yearweek
    st_area st_asgeojson st_astext st_contains st_distance st_distance_sphere st_geomfromtext
    st_intersects st_within st_x st_y point
    """,
    )
)
"""Functions that read their arguments and nothing else, and types, of which several have sizes."""
