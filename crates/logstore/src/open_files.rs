//! The files of parts that are open for reading: a bounded set, the least recently used are closed.

use clew_host::{Files, ReadFile};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Open files by the sequence number of their part. A read that is going on keeps its file open a little longer.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    files: Arc<dyn Files>,
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    open: HashMap<u64, Open>,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Open {
    file: Arc<dyn ReadFile>,
    used: u64,
}

impl OpenFiles {
    /// A set of at most `most` files, one at least.
    pub fn new(files: Arc<dyn Files>, most: usize) -> Self {
        Self { files, most: most.max(1), inner: Mutex::default() }
    }

    /// The open file of a part, opened if it is not.
    fn get(&self, sequence: u64, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        if let Some(file) = self.inner.lock().used(sequence) {
            return Ok(file);
        }
        // Not under the lock: a slow disk must not hold up those whose files are open.
        let file = self.files.open(path)?;
        let closed = self.inner.lock().put(sequence, &file, self.most);
        drop(closed);
        Ok(file)
    }

    /// Closes the file of a part that is gone.
    pub fn close(&self, sequence: u64) {
        let closed = self.inner.lock().open.remove(&sequence);
        drop(closed);
    }
}

impl Inner {
    fn used(&mut self, sequence: u64) -> Option<Arc<dyn ReadFile>> {
        self.clock += 1;
        let open = self.open.get_mut(&sequence)?;
        open.used = self.clock;
        Some(Arc::clone(&open.file))
    }

    /// Answers what had to give way, to be closed outside the lock.
    fn put(&mut self, sequence: u64, file: &Arc<dyn ReadFile>, most: usize) -> Option<Open> {
        self.clock += 1;
        let replaced = self.open.insert(sequence, Open { file: Arc::clone(file), used: self.clock });
        if self.open.len() <= most {
            return replaced;
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(sequence, _)| *sequence)?;
        self.open.remove(&oldest)
    }
}

/// A part's file, which may be closed and opened again between two reads: parts never change, and their names stay as
/// long as somebody reads them.
#[derive(Debug)]
pub(crate) struct PartFile {
    pub sequence: u64,
    pub path: PathBuf,
    pub open_files: Arc<OpenFiles>,
}

impl ReadFile for PartFile {
    fn len(&self) -> io::Result<u64> {
        self.open_files.get(self.sequence, &self.path)?.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.open_files.get(self.sequence, &self.path)?.read_exact_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::SimFiles;

    fn file(open_files: &Arc<OpenFiles>, files: &dyn Files, sequence: u64) -> PartFile {
        let path = Path::new("/").join(format!("{sequence}.part"));
        files.create(&path).unwrap().write_all(&sequence.to_le_bytes()).unwrap();
        PartFile { sequence, path, open_files: Arc::clone(open_files) }
    }

    fn open(open_files: &OpenFiles) -> Vec<u64> {
        let mut open: Vec<u64> = open_files.inner.lock().open.keys().copied().collect();
        open.sort_unstable();
        open
    }

    fn read(file: &PartFile) -> u64 {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, 0).unwrap();
        u64::from_le_bytes(bytes)
    }

    #[test]
    fn the_least_recently_read_file_is_closed_and_opened_again_when_it_is_read() {
        let files = Arc::new(SimFiles::new());
        let open_files = Arc::new(OpenFiles::new(files.clone(), 2));
        let parts: Vec<PartFile> = (0..4).map(|sequence| file(&open_files, &*files, sequence)).collect();
        assert!(open(&open_files).is_empty());
        for (sequence, still_open) in
            [(0, vec![0]), (1, vec![0, 1]), (0, vec![0, 1]), (2, vec![0, 2]), (3, vec![2, 3]), (0, vec![0, 3])]
        {
            assert_eq!(read(&parts[sequence]), sequence as u64);
            assert_eq!(open(&open_files), still_open, "after {sequence}");
        }
        open_files.close(3);
        assert_eq!(open(&open_files), [0]);
        assert_eq!(parts[3].len().unwrap(), 8);
    }
}
