//! Files that are open for reading: a bounded set, the least recently used are closed.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Files, ReadFile};

/// A bounded set of open files, each under a number of its own. A read that is going on keeps its file open a little
/// longer.
#[derive(Debug)]
pub struct OpenFiles {
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

    /// A file that is opened when it is read. It must never change, and its name must stay as long as it is read.
    pub fn file(self: &Arc<Self>, number: u64, path: &Path) -> PooledFile {
        PooledFile { number, path: path.to_owned(), open_files: Arc::clone(self) }
    }

    /// The open file of a number, opened if it is not.
    fn get(&self, number: u64, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        if let Some(file) = self.inner.lock().used(number) {
            return Ok(file);
        }
        // Not under the lock: a slow disk must not hold up those whose files are open.
        let file = self.files.open(path)?;
        let closed = self.inner.lock().put(number, &file, self.most);
        drop(closed);
        Ok(file)
    }

    /// Closes a file that is gone.
    pub fn close(&self, number: u64) {
        let closed = self.inner.lock().open.remove(&number);
        drop(closed);
    }
}

impl Inner {
    fn used(&mut self, number: u64) -> Option<Arc<dyn ReadFile>> {
        self.clock += 1;
        let open = self.open.get_mut(&number)?;
        open.used = self.clock;
        Some(Arc::clone(&open.file))
    }

    /// Answers what had to give way, to be closed outside the lock.
    fn put(&mut self, number: u64, file: &Arc<dyn ReadFile>, most: usize) -> Option<Open> {
        self.clock += 1;
        let replaced = self.open.insert(number, Open { file: Arc::clone(file), used: self.clock });
        if self.open.len() <= most {
            return replaced;
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(number, _)| *number)?;
        self.open.remove(&oldest)
    }
}

/// A file of an [`OpenFiles`], which may be closed and opened again between two reads.
#[derive(Debug)]
pub struct PooledFile {
    number: u64,
    path: PathBuf,
    open_files: Arc<OpenFiles>,
}

impl ReadFile for PooledFile {
    fn len(&self) -> io::Result<u64> {
        self.open_files.get(self.number, &self.path)?.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.open_files.get(self.number, &self.path)?.read_exact_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimFiles;

    fn file(open_files: &Arc<OpenFiles>, files: &dyn Files, number: u64) -> PooledFile {
        let path = Path::new("/").join(format!("{number}.file"));
        files.create(&path).unwrap().write_all(&number.to_le_bytes()).unwrap();
        open_files.file(number, &path)
    }

    fn open(open_files: &OpenFiles) -> Vec<u64> {
        let mut open: Vec<u64> = open_files.inner.lock().open.keys().copied().collect();
        open.sort_unstable();
        open
    }

    fn read(file: &PooledFile) -> u64 {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, 0).unwrap();
        u64::from_le_bytes(bytes)
    }

    #[test]
    fn the_least_recently_read_file_is_closed_and_opened_again_when_it_is_read() {
        let files = Arc::new(SimFiles::new());
        let open_files = Arc::new(OpenFiles::new(files.clone(), 2));
        let pooled: Vec<PooledFile> = (0..4).map(|number| file(&open_files, &*files, number)).collect();
        assert!(open(&open_files).is_empty());
        for (number, still_open) in
            [(0, vec![0]), (1, vec![0, 1]), (0, vec![0, 1]), (2, vec![0, 2]), (3, vec![2, 3]), (0, vec![0, 3])]
        {
            assert_eq!(read(&pooled[number]), number as u64);
            assert_eq!(open(&open_files), still_open, "after {number}");
        }
        open_files.close(3);
        assert_eq!(open(&open_files), [0]);
        assert_eq!(pooled[3].len().unwrap(), 8);
    }
}
