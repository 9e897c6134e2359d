//! Names of states and kinds.

use serde::Serialize;

use crate::v1;

macro_rules! name_types {
    ($($(#[$doc:meta])* $name:ident: $names:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(&'static str);

        impl From<v1::$name> for $name {
            fn from(value: v1::$name) -> Self {
                Self(value.name())
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some($names))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

name_types! {
    /// The name of a job's state.
    JobState: v1::JobState::ALL.map(v1::JobState::name);
    /// The name of a dataset's phase.
    DatasetPhase: v1::DatasetPhase::ALL.map(v1::DatasetPhase::name);
    /// The name of an error's kind.
    ErrorKind: v1::ErrorKind::ALL.map(v1::ErrorKind::name);
    /// The name of a diagnostic's severity.
    Severity: ["error", "warning", "note"];
}
