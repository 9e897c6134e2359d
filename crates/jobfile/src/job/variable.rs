//! The variables of a job file: the parameters of its job.

use crate::job::types::DataType;
use crate::span::{Span, Spanned};

/// Names that a variable cannot have, because `submit-job` has an option of that
/// name, and parameters are options too. A test of `submit-job` compares the two.
pub const RESERVED_VARIABLE_NAMES: &[&str] = &[
    "color",
    "conf",
    "deploy_mode",
    "follow",
    "full_refresh",
    "full_refresh_all",
    "help",
    "kill",
    "list",
    "logs",
    "master",
    "memory",
    "name",
    "no_progress",
    "otlp_endpoint",
    "output",
    "plan",
    "properties_file",
    "refresh",
    "status",
    "submission_id",
    "timeout",
    "top",
    "verbose",
    "version",
    "watch",
];

/// The name of a variable's option, without the dashes before it: `run-date` for
/// `run_date`. Underscores at the beginning stay, because an option cannot begin
/// with more than two dashes.
pub fn option_name(variable: &str) -> String {
    let rest = variable.trim_start_matches('_');
    let leading = &variable[..variable.len() - rest.len()];
    format!("{leading}{}", rest.replace('_', "-"))
}

/// A parameter of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Lower case; also the name of its option (`run_date` or `run-date`).
    pub name: String,
    /// Every type but `BINARY`.
    pub ty: DataType,
    /// The default as text, for help; `None` if a value is mandatory. The text
    /// may contain other variables: `${landing}/users`.
    pub default: Option<String>,
    /// The span of its declared name.
    pub span: Span,
    /// The `--` comment after the declaration, or the lines of comments above it.
    pub comment: Option<String>,
}

impl Variable {
    /// Whether a value is mandatory.
    pub const fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

/// The value of a variable without a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DefaultValue {
    Null,
    /// May contain `${…}`.
    Text(String),
    /// The value of a variable that is declared above.
    Variable(String),
}

#[derive(Debug, Clone)]
pub(crate) struct VariableDeclaration {
    pub(crate) variable: Variable,
    pub(crate) default: Option<Spanned<DefaultValue>>,
}
