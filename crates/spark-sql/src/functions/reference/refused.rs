//! Functions of Spark that are refused, and what to write instead.

/// Names by the help that their errors give.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "hll_sketch_agg",
            "hll_sketch_estimate",
            "hll_union",
            "hll_union_agg",
            "theta_difference",
            "theta_intersection",
            "theta_intersection_agg",
            "theta_sketch_agg",
            "theta_sketch_estimate",
            "theta_union",
            "theta_union_agg",
            "tuple_difference_double",
            "tuple_difference_integer",
            "tuple_difference_theta_double",
            "tuple_difference_theta_integer",
            "tuple_intersection_agg_double",
            "tuple_intersection_agg_integer",
            "tuple_intersection_double",
            "tuple_intersection_integer",
            "tuple_intersection_theta_double",
            "tuple_intersection_theta_integer",
            "tuple_sketch_agg_double",
            "tuple_sketch_agg_integer",
            "tuple_sketch_estimate_double",
            "tuple_sketch_estimate_integer",
            "tuple_sketch_summary_double",
            "tuple_sketch_summary_integer",
            "tuple_sketch_theta_double",
            "tuple_sketch_theta_integer",
            "tuple_union_agg_double",
            "tuple_union_agg_integer",
            "tuple_union_double",
            "tuple_union_integer",
            "tuple_union_theta_double",
            "tuple_union_theta_integer",
        ],
        "write count(DISTINCT x), or approx_count_distinct(x)",
    ),
    (
        &[
            "kll_merge_agg_bigint",
            "kll_merge_agg_double",
            "kll_merge_agg_float",
            "kll_sketch_agg_bigint",
            "kll_sketch_agg_double",
            "kll_sketch_agg_float",
            "kll_sketch_get_n_bigint",
            "kll_sketch_get_n_double",
            "kll_sketch_get_n_float",
            "kll_sketch_get_quantile_bigint",
            "kll_sketch_get_quantile_double",
            "kll_sketch_get_quantile_float",
            "kll_sketch_get_rank_bigint",
            "kll_sketch_get_rank_double",
            "kll_sketch_get_rank_float",
            "kll_sketch_merge_bigint",
            "kll_sketch_merge_double",
            "kll_sketch_merge_float",
            "kll_sketch_to_string_bigint",
            "kll_sketch_to_string_double",
            "kll_sketch_to_string_float",
        ],
        "write percentile_approx(x, array(0.25, 0.5, 0.75))",
    ),
    (
        &[
            "approx_top_k",
            "approx_top_k_accumulate",
            "approx_top_k_combine",
            "approx_top_k_estimate",
            "count_min_sketch",
        ],
        "count with GROUP BY, and keep the first rows with QUALIFY or LIMIT",
    ),
    (
        &["bitmap_and_agg", "bitmap_construct_agg", "bitmap_or_agg"],
        "write count(DISTINCT x), or collect_set(x)",
    ),
    (
        &[
            "is_valid_variant",
            "is_variant_null",
            "parse_json",
            "schema_of_variant",
            "schema_of_variant_agg",
            "to_variant_object",
            "try_parse_json",
            "try_variant_array_append",
            "try_variant_get",
            "try_variant_insert",
            "try_variant_set",
            "variant_array_append",
            "variant_delete",
            "variant_explode",
            "variant_explode_outer",
            "variant_get",
            "variant_insert",
            "variant_set",
            "variant_strip_nulls",
        ],
        "there is no type VARIANT: keep the JSON as STRING and read it with \
         get_json_object(doc, '$.a') or from_json(doc, 'a INT')",
    ),
    (
        &[
            "from_xml",
            "schema_of_xml",
            "to_xml",
            "xpath",
            "xpath_boolean",
            "xpath_double",
            "xpath_float",
            "xpath_int",
            "xpath_long",
            "xpath_number",
            "xpath_short",
            "xpath_string",
        ],
        "XML is not read here; write regexp_extract(text, '<b>(.*?)</b>', 1) for a single value",
    ),
    (
        &[
            "from_avro",
            "from_protobuf",
            "schema_of_avro",
            "to_avro",
            "to_protobuf",
        ],
        "only JSON in text is read: write from_json(text, 'a INT') and to_json(struct(…))",
    ),
    (
        &[
            "st_asbinary",
            "st_geogfromwkb",
            "st_geomfromwkb",
            "st_setsrid",
            "st_srid",
        ],
        "there are no types of geometry; keep coordinates as DOUBLE",
    ),
    (
        &[
            "vector_avg",
            "vector_cosine_similarity",
            "vector_inner_product",
            "vector_l2_distance",
            "vector_norm",
            "vector_normalize",
            "vector_sum",
        ],
        "write aggregate(zip_with(a, b, (x, y) -> x * y), 0D, (sum, x) -> sum + x) for an inner \
         product, and the others like it",
    ),
    (
        &[
            "current_time",
            "localtime",
            "make_time",
            "time",
            "time_diff",
            "time_from_micros",
            "time_from_millis",
            "time_from_seconds",
            "time_to_micros",
            "time_to_millis",
            "time_to_seconds",
            "time_trunc",
            "to_time",
            "try_to_time",
        ],
        "there is no type TIME: write date_format(ts, 'HH:mm:ss'), or hour(ts), minute(ts) and \
         second(ts)",
    ),
    (
        &["timestamp_nanos", "unix_nanos"],
        "timestamps count in microseconds: write timestamp_micros(n DIV 1000) or unix_micros(ts)",
    ),
    (
        &["aes_decrypt", "aes_encrypt", "try_aes_decrypt", "hmac"],
        "there are no keys in job files; write sha2(text, 256) for a digest",
    ),
    (
        &["java_method", "reflect", "try_reflect"],
        "there is no Java here; write the function of SQL",
    ),
    (
        &[
            "input_file_block_length",
            "input_file_block_start",
            "input_file_name",
        ],
        "write _metadata.file_path in the query that reads the source",
    ),
    (
        &["monotonically_increasing_id", "spark_partition_id"],
        "which task reads a row changes from run to run: write row_number() OVER (ORDER BY key), \
         or xxhash64(key)",
    ),
    (
        &["randn", "randstr", "uniform"],
        "a job that is repeated gives the same rows: write a hash such as pmod(xxhash64(key), 100)",
    ),
    (
        &[
            "current_catalog",
            "current_database",
            "current_path",
            "current_schema",
            "current_user",
            "session_user",
            "user",
            "version",
        ],
        "a job has no catalog and no user; DECLARE VARIABLE name STRING and pass the value with \
         --name",
    ),
    (
        &["collate", "collation", "collations"],
        "texts are compared by their bytes; compare lower(text) to ignore case",
    ),
    (
        &["measure", "python_worker_logs", "sql_keywords"],
        "this belongs to Spark's own catalog",
    ),
    (
        &["bitmap_count"],
        "write bit_count(x) for a number, or count(DISTINCT x)",
    ),
    (
        &["collect_union"],
        "write array_distinct(flatten(collect_list(x)))",
    ),
    (
        &["jaro_winkler_similarity"],
        "write levenshtein(a, b) / greatest(length(a), length(b))",
    ),
    (
        &["from_base32", "to_base32"],
        "write base64(x) and unbase64(text), or hex(x) and unhex(text)",
    ),
    (
        &["time_bucket"],
        "write timestamp_seconds(unix_seconds(ts) DIV 900 * 900), or date_trunc('HOUR', ts)",
    ),
    (
        &["try_make_interval"],
        "write make_interval(years, months), or add_months(day, n)",
    ),
    (
        &["counter_diff"],
        "write c - lag(c) OVER (PARTITION BY k ORDER BY t), with CASE for a counter that began anew",
    ),
    (
        &["sentences"],
        "write split(text, '[.!?]\\\\s*'), and transform(…, s -> split(s, ' '))",
    ),
    (
        &["schema_of_csv"],
        "write the schema itself: from_csv(text, 'a INT, b STRING')",
    ),
];

/// What to write instead of the function `name`, if it is refused.
pub(crate) fn help_for_refused(name: &str) -> Option<&'static str> {
    let (_, help) = REFUSED.iter().find(|(names, _)| names.contains(&name))?;
    Some(help)
}

#[cfg(test)]
pub(super) fn refused_names() -> impl Iterator<Item = &'static str> {
    REFUSED.iter().flat_map(|(names, _)| names.iter().copied())
}
