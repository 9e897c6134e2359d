//! Texts that become values: templates, values of variables, sizes.

pub(crate) mod interpolation;
pub(crate) mod nested_value;
pub(crate) mod size;
pub(crate) mod variable_value;
