//! One patient as `--patient` writes them: `a=1,b=x`, where a level may hold commas of its own.

use anyhow::{anyhow, bail};

use thoracast_core::stats::design::CovariateKind;
use thoracast_core::stats::nomogram::{LinearModel, Value};
use thoracast_core::tables::decode;

/// The predictors' values. A level with a comma is found among the model's levels, or stands in quotation marks.
///
/// # Errors
/// A part that is no `name=value`, a number that is none.
pub(super) fn read_patient(model: &LinearModel, text: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let mut values = Vec::new();
    let mut rest = text;
    while !rest.trim().is_empty() {
        let part = rest.split(',').next().unwrap_or("");
        let Some((name, _)) = rest.split_once('=').filter(|_| part.contains('=')) else {
            bail!("--patient '{}' has no '='; write \"a=1,b=x\"", part.trim());
        };
        let value = &rest[name.len() + 1..];
        let name = name.trim();
        let kind = model.predictors.iter().find(|p| p.covariate.name == name).map(|p| &p.covariate.kind);
        let (value, behind) = split_value(kind, value)?;
        values.push((name.to_owned(), as_value(kind, name, value)?));
        rest = behind;
    }
    Ok(values)
}

fn as_value(kind: Option<&CovariateKind>, name: &str, value: &str) -> anyhow::Result<Value> {
    if !matches!(kind, Some(CovariateKind::Number { .. })) {
        return Ok(Value::Level(value.to_owned()));
    }
    decode::number(value, true)
        .map(Value::Number)
        .ok_or_else(|| anyhow!("--patient: {name} = '{value}' is not a number; write a number"))
}

/// A value and what stands behind its comma: the quoted text, else the longest of the known levels, else up to the comma.
fn split_value<'a>(kind: Option<&CovariateKind>, text: &'a str) -> anyhow::Result<(&'a str, &'a str)> {
    let text = text.trim_start();
    let end_of_part = |text: &str| text.is_empty() || text.starts_with(',');
    let behind = |rest: &'a str| rest.trim_start().strip_prefix(',').unwrap_or("");
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = quoted
            .split_once('"')
            .ok_or_else(|| anyhow!("--patient: the quotation mark of \"{quoted} is never closed"))?;
        if !end_of_part(rest.trim_start()) {
            bail!("--patient: write a comma behind \"{value}\"");
        }
        return Ok((value, behind(rest)));
    }
    if let Some(CovariateKind::Levels(levels)) = kind {
        let fits = |level: &&String| {
            text.strip_prefix(level.as_str()).is_some_and(|rest| end_of_part(rest.trim_start()))
        };
        if let Some(level) = levels.iter().filter(fits).max_by_key(|level| level.len()) {
            let (value, rest) = text.split_at(level.len());
            return Ok((value, behind(rest)));
        }
    }
    let (value, rest) = text.split_once(',').unwrap_or((text, ""));
    Ok((value.trim_end(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'a>(levels: &[&str], text: &'a str) -> (&'a str, &'a str) {
        let levels = CovariateKind::Levels(levels.iter().map(|l| l.to_string()).collect());
        split_value(Some(&levels), text).unwrap()
    }

    /// "Ductal, invasive" was read as the level "Ductal" and a part without '='.
    #[test]
    fn a_level_may_hold_commas() {
        let levels = ["Ductal", "Ductal, invasive", "a=b, c=d"];
        for (text, want) in [
            ("Ductal, invasive,age=50", ("Ductal, invasive", "age=50")),
            ("Ductal,age=50", ("Ductal", "age=50")),
            ("Ductal, invasive", ("Ductal, invasive", "")),
            ("\"Ductal, invasive\" , age=50", ("Ductal, invasive", " age=50")),
            ("a=b, c=d,age=1", ("a=b, c=d", "age=1")),
            ("Mucinous, rare", ("Mucinous", " rare")),
        ] {
            assert_eq!(split(&levels, text), want, "{text}");
        }
        assert!(split_value(None, "\"open").is_err() && split_value(None, "\"a\"b").is_err());
    }
}
