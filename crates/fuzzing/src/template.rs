//! Files that are good, and edits of them: so inputs get past magics and checksums of what they do not touch.

use crate::choice;
use clew_columns::container::{ContainerBuilder, Directory};
use clew_host::{Files, SimFiles};
use std::path::{Path, PathBuf};

/// Most edits that an input makes.
const MOST_EDITS: usize = 8;

/// A folder of files.
pub(crate) struct Template(Vec<(PathBuf, Vec<u8>)>);

impl Template {
    /// Everything below a folder of a disk.
    pub(crate) fn of(files: &SimFiles, dir: &Path) -> Self {
        let mut all = Vec::new();
        list(files, dir, &mut all);
        Self(all.into_iter().map(|path| (path.clone(), read(files, &path))).collect())
    }

    /// The folder on a disk of its own, with one file edited: which one, and how, the input says.
    pub(crate) fn edited(&self, data: &[u8]) -> SimFiles {
        let (which, script) = choice(data);
        let disk = SimFiles::new();
        for (number, (path, bytes)) in self.0.iter().enumerate() {
            let bytes = match number == which % self.0.len() {
                true => edit(bytes, script),
                false => bytes.clone(),
            };
            disk.create_dir_all(path.parent().unwrap()).unwrap();
            let file = disk.create(path).unwrap();
            file.write_all(&bytes).unwrap();
            file.sync().unwrap();
        }
        disk
    }
}

fn list(files: &SimFiles, dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in files.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        match entry.is_dir {
            true => list(files, &path, into),
            false if entry.name == "LOCK" => {}
            false => into.push(path),
        }
    }
}

pub(crate) fn read(files: &dyn Files, path: &Path) -> Vec<u8> {
    files.open(path).unwrap().read_at(0, 1 << 30).unwrap()
}

/// Changes good bytes as a script says: what to do, where (two bytes, of the whole length), with what.
pub(crate) fn edit(bytes: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for step in script.chunks(4).take(MOST_EDITS) {
        let [what, high, low, with] = <[u8; 4]>::try_from(step).unwrap_or([step[0], 0, 0, step.len() as u8]);
        let place = usize::from(u16::from_be_bytes([high, low]));
        // Near the ends every byte can be named, between them one of so many.
        let at = match what & 0x30 {
            0x00 => place.min(bytes.len()),
            0x10 => bytes.len().saturating_sub(place),
            _ => place * bytes.len() / 65_536,
        };
        match what & 7 {
            0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= with.max(1)),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = with),
            3 => bytes.truncate(at),
            4 => bytes.iter_mut().skip(at).take(1 + usize::from(with)).for_each(|byte| *byte = 0),
            5 => drop(bytes.splice(at..at, std::iter::repeat_n(with, 1 + usize::from(with) % 16))),
            6 => drop(bytes.drain(at..(at + 1 + usize::from(with) % 16).min(bytes.len()))),
            _ => bytes = resealed(&bytes),
        }
    }
    bytes
}

/// The same container with checksums that are right: so what stands in its sections is met too.
pub(crate) fn resealed(bytes: &[u8]) -> Vec<u8> {
    let Some(magic) = bytes.first_chunk::<4>() else { return bytes.to_vec() };
    let Ok(directory) = Directory::read(bytes, bytes.len(), *magic) else { return bytes.to_vec() };
    let mut builder = ContainerBuilder::new(*magic);
    for section in directory.ids().filter_map(|id| Some((id, *directory.find(id)?))) {
        let (id, section) = section;
        builder.section(id, bytes.get(section.start..section.end).unwrap_or_default());
    }
    builder.finish()
}
