//! A tantivy directory over the pieces of a stored index; it can only be read.

use super::Piece;
use crate::error::LogStoreError;
use crate::pages::Pages;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchCallbackList, WatchHandle, WritePtr,
};

#[derive(Clone)]
pub(super) struct PiecesDirectory {
    pages: Arc<Pages>,
    pieces: Arc<Vec<Piece>>,
}

impl PiecesDirectory {
    pub(super) fn new(pages: Arc<Pages>, pieces: Vec<Piece>) -> Self {
        Self { pages, pieces: Arc::new(pieces) }
    }

    fn handle(&self, path: &Path) -> Option<PieceHandle> {
        let piece = self.pieces.iter().find(|piece| Path::new(&piece.name) == path)?;
        Some(PieceHandle { pages: Arc::clone(&self.pages), piece: piece.clone() })
    }
}

impl fmt::Debug for PiecesDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PiecesDirectory").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct PieceHandle {
    pages: Arc<Pages>,
    piece: Piece,
}

impl HasLen for PieceHandle {
    fn len(&self) -> usize {
        self.piece.length
    }
}

impl FileHandle for PieceHandle {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.piece.length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a piece of the term index ends too early"));
        }
        let bytes = self.pages.read(self.piece.offset + range.start, range.end - range.start);
        bytes.map(OwnedBytes::new).map_err(|error| {
            let kind = match &error {
                // A disk that does not answer is not damage.
                LogStoreError::Io { source, .. } => source.kind(),
                _ => io::ErrorKind::InvalidData,
            };
            io::Error::new(kind, error)
        })
    }
}

impl Directory for PiecesDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.handle(path) {
            Some(handle) => Ok(Arc::new(handle)),
            None => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.handle(path).is_some())
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let handle = self.handle(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))?;
        let bytes = handle.read_bytes(0..handle.len());
        bytes
            .map(|bytes| bytes.as_slice().to_vec())
            .map_err(|error| OpenReadError::wrap_io_error(error, path.to_owned()))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::IoError { io_error: Arc::new(read_only()), filepath: PathBuf::from(path) })
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        // Nobody writes, so nobody needs to be kept out.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchCallbackList::default().subscribe(callback))
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "a stored term index is never written")
}
