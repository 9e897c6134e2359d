//! The codes of all errors and warnings of a job file, those of the engine
//! included. Codes are stable: a code keeps its meaning. `docs/diagnostics.md`
//! explains each; a test compares the two.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $code;)+

        /// Every code.
        pub const CODES: &[&str] = &[$($code),+];
    };
}

codes! {
    // E01xx: the text cannot be read as statements.
    /// The file is larger than a job file may be.
    FILE_TOO_LARGE = "E0101";
    /// A character that a job file must not contain, or text that is not UTF-8.
    BAD_CHARACTER = "E0102";
    /// A string, quoted name or comment that never ends, or a token that cannot be read.
    BAD_TOKEN = "E0103";
    /// A statement of the job language that is not well-formed.
    SYNTAX = "E0104";
    /// A query that is not well-formed.
    QUERY_SYNTAX = "E0105";
    /// A statement begins before the previous one has ended.
    MISSING_SEMICOLON = "E0106";
    /// Too deeply nested, or too long an expression.
    TOO_DEEP = "E0107";
    /// A statement that is not part of the job language.
    UNKNOWN_STATEMENT = "E0108";
    /// A file without statements.
    EMPTY_FILE = "E0109";
    /// A clause given twice.
    REPEATED_CLAUSE = "E0110";
    /// A mandatory clause is missing.
    MISSING_CLAUSE = "E0111";
    /// More statements than a job file may have.
    TOO_MANY_STATEMENTS = "E0112";

    // E02xx: declarations.
    /// Two relations with the same name.
    DUPLICATE_RELATION = "E0201";
    /// Two columns or fields with the same name.
    DUPLICATE_COLUMN = "E0202";
    /// A name that cannot be used for this.
    BAD_NAME = "E0203";
    /// A type that is not part of the job language.
    UNKNOWN_TYPE = "E0204";
    /// A type that is not allowed here.
    TYPE_NOT_ALLOWED = "E0205";
    /// A format that a source cannot have.
    UNKNOWN_FORMAT = "E0206";
    /// A source option that does not exist.
    UNKNOWN_OPTION = "E0207";
    /// A value that a source option cannot have.
    BAD_OPTION_VALUE = "E0208";
    /// A table property that does not exist.
    UNKNOWN_PROPERTY = "E0209";
    /// A value that a table property cannot have.
    BAD_PROPERTY_VALUE = "E0210";
    /// A setting that does not exist.
    UNKNOWN_SETTING = "E0211";
    /// A value that a setting cannot have.
    BAD_SETTING_VALUE = "E0212";
    /// An option, property or setting given twice.
    REPEATED_KEY = "E0213";
    /// A location that is empty.
    EMPTY_LOCATION = "E0214";
    /// Two variables with the same name.
    DUPLICATE_VARIABLE = "E0215";
    /// A default that is not a literal or does not fit its type.
    BAD_DEFAULT = "E0216";

    // E03xx: known from Spark and others, not (yet) supported here.
    /// Streaming tables.
    STREAMING_TABLE = "E0301";
    /// Reading a relation as a stream.
    STREAM_READ = "E0302";
    /// Expectations.
    EXPECTATION = "E0303";
    /// `MERGE`.
    MERGE = "E0304";
    /// Flows and change data capture.
    FLOW = "E0305";
    /// Statements that change rows of a table.
    CHANGE_ROWS = "E0306";
    /// Tables that are not external.
    MANAGED_TABLE = "E0307";
    /// Statements about the catalog or the session.
    CATALOG_STATEMENT = "E0308";
    /// Views that outlive the job.
    PERMANENT_VIEW = "E0309";
    /// A query on its own.
    BARE_QUERY = "E0310";
    /// A clause or option of Spark and others that is not supported here.
    CLAUSE_NOT_YET = "E0311";

    // E04xx: references between statements.
    /// A table that the file does not declare.
    UNKNOWN_TABLE = "E0401";
    /// Views or datasets that depend on each other.
    CYCLE = "E0402";
    /// A job that writes nothing.
    NO_DATASET = "E0403";
    /// A variable that the file does not declare.
    UNKNOWN_VARIABLE = "E0404";
    /// A `${` that is not closed or holds no name.
    BAD_PLACEHOLDER = "E0405";
    /// A name that is both a variable and a column here.
    AMBIGUOUS_VARIABLE = "E0406";
    /// A mandatory parameter is missing.
    MISSING_PARAMETER = "E0407";
    /// A parameter that the file does not declare.
    UNKNOWN_PARAMETER = "E0408";
    /// A parameter's value does not fit its type.
    BAD_PARAMETER = "E0409";
    /// A table name with a catalog or schema.
    QUALIFIED_TABLE = "E0410";
    /// A table function that does not exist.
    UNKNOWN_TABLE_FUNCTION = "E0411";
    /// Something in a query that only a separate statement could do.
    NOT_A_QUERY = "E0412";
    /// Views that read each other in a chain that is too long.
    VIEWS_TOO_DEEP = "E0413";
    /// STREAM where it cannot be, or where it is missing.
    STREAM_MISUSED = "E0414";
    /// A flow without a streaming table, or a streaming table without a flow.
    FLOW_TARGET = "E0415";
    /// A flow that replaces a part of a table, where none can be.
    FLOW_REPLACES = "E0416";

    // E05xx: the columns, functions and types of queries, which the engine checks.
    /// A column or field that does not exist.
    UNKNOWN_COLUMN = "E0501";
    /// A column that several relations have.
    AMBIGUOUS_COLUMN = "E0502";
    /// Two columns of a query with the same name.
    REPEATED_COLUMN = "E0503";
    /// A function that does not exist, or not for these types.
    UNKNOWN_FUNCTION = "E0504";
    /// An aggregate where none can be, or a column that is not grouped.
    AGGREGATE_MISUSED = "E0505";
    /// Types that do not fit together.
    TYPE_MISMATCH = "E0506";
    /// A constant that is too large, or takes too long to compute.
    CONSTANT_TOO_LARGE = "E0507";
    /// A relation with too many columns, or a query with too many relations.
    QUERY_TOO_LARGE = "E0508";
    /// A query that cannot be planned for another reason.
    NOT_PLANNED = "E0509";
    /// `PARTITIONED BY` or `sluice.sort_by` names a column that the query does not have.
    LAYOUT_COLUMN = "E0510";
    /// A column that a Delta table cannot store.
    UNSTORABLE_COLUMN = "E0511";
    /// A `delta.` property that cannot be honored.
    DELTA_PROPERTY = "E0512";
    /// A query whose rows cannot be added as they arrive.
    NOT_INCREMENTAL = "E0513";
    /// A query whose columns are not those of its table.
    TABLE_COLUMNS = "E0514";
    /// A condition that does not select a part of a table.
    REPLACED_PART = "E0515";

    // W04xx: the job runs, but something is probably a mistake.
    /// A source that no query reads.
    UNUSED_SOURCE = "W0401";
    /// A view that no query reads.
    UNUSED_VIEW = "W0402";
    /// A variable that nothing uses.
    UNUSED_VARIABLE = "W0403";
    /// A primary key that is not enforced.
    KEY_NOT_ENFORCED = "W0404";
    /// A clause or setting that is read and has no effect here.
    NO_EFFECT = "W0405";

    // W05xx: the same, found when the sources are opened.
    /// Files in the folder of a source that are not read.
    FILES_NOT_READ = "W0501";
    /// A declared column that no Parquet file of the source has.
    COLUMN_NOT_IN_FILES = "W0502";
    // W06xx: what the gold folder holds.
    /// Files in the folder of a table that is not a Delta table yet.
    FOREIGN_FILES = "W0601";
    /// A table in the gold folder that the job does not make.
    OTHER_TABLE = "W0602";
}
