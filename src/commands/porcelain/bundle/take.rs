//! `roar bundle import`, `roar bundle verify`.

use super::Import;
use crate::asked;
use crate::context::Context;
use crate::error::{CommandError, Fault, fault_below};
use crate::json::text;
use crate::ui::{Ui, escape};
use roar_object::{ContentId, ObjectId};
use roar_repo::bundle::{self, Examined, ImportError, Imported, SESSION_TIP, Terms};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn verify(
    ui: &mut Ui,
    context: &Context,
    file: &Path,
    as_json: bool,
) -> Result<(), CommandError> {
    let examined = bundle::examine(&context.directory().join(file))?;
    described(ui, &examined, as_json, Value::Null)
}

pub(super) fn import(ui: &mut Ui, context: &Context, args: &Import) -> Result<(), CommandError> {
    let examined = bundle::examine(&context.directory().join(&args.file))?;
    if args.dry_run {
        return described(ui, &examined, args.json, Value::Null);
    }
    let workspace = context.workspace_to_add_to(ui)?;
    let terms = Terms {
        name: args.name.clone().unwrap_or_else(|| name_of(&args.file)),
        files: !args.no_bytes,
        at_ns: asked::now_ns(),
    };
    let summary = shown(&examined);
    let imported = context.waiting(ui, workspace.config(), "roar bundle", |wait| {
        bundle::import(&workspace, &examined, &terms, wait)
    })??;
    for notice in &imported.notices {
        ui.warn(notice);
    }
    if args.json {
        return ui.json(with(summary, in_json(&imported)));
    }
    tell(ui, &terms, &imported, &summary)
}

/// Makes a name of a file's.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '-' | '_') => letter,
        _ => '-',
    };
    let name: String = stem.chars().take(100).map(plain).collect();
    match name.trim_matches('-') {
        "" => "bundle".to_owned(),
        name => name.to_owned(),
    }
}

/// Returns what is in a bundle, as JSON.
fn shown(examined: &Examined) -> Value {
    let summary = &examined.summary;
    let tips = examined.manifest.tips.iter();
    let tips = tips.map(|tip| json!({ "name": tip.name, "id": tip.id.to_string() }));
    let asked = examined.manifest.asked.iter().map(|asked| {
        let hash = match asked.kind {
            1 => ObjectId::from_bytes(asked.hash).to_string(),
            _ => ContentId::from_bytes(asked.hash).to_string(),
        };
        json!({ "hash": hash, "path": text(&asked.path) })
    });
    json!({
        "name": summary.name.to_string(),
        "bytes": summary.bytes,
        "created_ns": examined.manifest.created_ns,
        "jobs": examined.jobs,
        "objects": summary.objects,
        "files": summary.files,
        "file_bytes": summary.file_bytes,
        "code_bytes": summary.code_bytes,
        "tips": tips.collect::<Vec<_>>(),
        "asked": asked.collect::<Vec<_>>(),
    })
}

fn in_json(imported: &Imported) -> Value {
    let refs = imported.refs.iter();
    let refs = refs.map(|(name, id)| json!({ "ref": name.as_str(), "id": id.to_string() }));
    json!({
        "refs": refs.collect::<Vec<_>>(),
        "new_objects": imported.new_objects,
        "kept_files": imported.files,
        "code": imported.code.as_ref().map(|path| path.to_string_lossy()),
    })
}

fn with(mut document: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut document, more) {
        fields.extend(more);
    }
    document
}

fn described(
    ui: &mut Ui,
    examined: &Examined,
    as_json: bool,
    more: Value,
) -> Result<(), CommandError> {
    let shown = shown(examined);
    if as_json {
        return ui.json(with(shown, more));
    }
    let summary = &examined.summary;
    ui.data(format_args!("bundle  {}", summary.name))?;
    ui.data(format_args!(
        "holds   {}, {}",
        roar_view::count(examined.jobs as u64, "job"),
        roar_view::count(summary.objects, "object")
    ))?;
    if summary.files > 0 {
        let files = roar_view::count(summary.files, "file");
        ui.data(format_args!(
            "bytes   {files}, {}",
            roar_view::size(summary.file_bytes)
        ))?;
    }
    if summary.code_bytes > 0 {
        ui.data(format_args!(
            "code    {}",
            roar_view::size(summary.code_bytes)
        ))?;
    }
    for asked in &examined.manifest.asked {
        let hash = ContentId::from_bytes(asked.hash);
        ui.data(
            format_args!("made for {hash} {}", escape(&asked.path))
                .to_string()
                .trim_end(),
        )?;
    }
    Ok(())
}

fn tell(
    ui: &mut Ui,
    terms: &Terms,
    imported: &Imported,
    summary: &Value,
) -> Result<(), CommandError> {
    for (name, id) in &imported.refs {
        ui.data(format_args!("{id} {name}"))?;
    }
    ui.note(format_args!(
        "took in {}; {} new, {} kept",
        roar_view::count(summary["jobs"].as_u64().unwrap_or_default(), "job"),
        roar_view::count(imported.new_objects as u64, "object"),
        roar_view::count(imported.files as u64, "file")
    ));
    if imported
        .refs
        .iter()
        .any(|(name, _)| name.as_str().ends_with(SESSION_TIP))
    {
        let name = &terms.name;
        ui.hint(&format!(
            "`roar dag --session bundles/{name}/{SESSION_TIP}` shows it; `roar lineage HASH` finds what is in it"
        ));
    }
    if let Some(code) = &imported.code {
        ui.hint(&format!(
            "the code is in '{0}'; `git fetch {0} 'refs/roar/*:refs/roar/*'` gets it",
            code.display()
        ));
    }
    Ok(())
}

impl From<ImportError> for CommandError {
    fn from(err: ImportError) -> Self {
        match err {
            ImportError::Open { .. } | ImportError::Code { .. } => {
                Self::new(fault_below(&err), err)
            }
            ImportError::Bundle(_)
            | ImportError::Incomplete { .. }
            | ImportError::Stray { .. }
            | ImportError::StrayFile { .. }
            | ImportError::Wrong(_)
            | ImportError::NoSession { .. } => {
                Self::new(Fault::Damaged, err).hint("nothing of it was taken in")
            }
            ImportError::Taken { .. } => {
                Self::refused(err).hint("`--name NAME` calls this one otherwise")
            }
            ImportError::Name(err) => err.into(),
            ImportError::Blob(err) => err.into(),
            ImportError::Lock(err) => err.into(),
            ImportError::Commit(err) => err.into(),
            ImportError::Packing(err) => err.into(),
            ImportError::Pack(err) => err.into(),
            ImportError::Repo(err) => err.into(),
            other => Self::refused(other),
        }
    }
}
