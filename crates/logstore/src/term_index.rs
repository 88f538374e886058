//! The dictionary of terms of a part: a tantivy index whose documents are the part's blocks, in their order.
//!
//! Only which blocks have a term is kept: no positions, frequencies, norms or stored fields. The index is built in
//! memory and stored as named pieces inside the part's file.

mod directory;

use crate::error::LogStoreError;
use crate::limits::{MAX_TERM_INDEX_MEMORY, TERM_INDEX_MEMORY, TERM_INDEX_MEMORY_A_BLOCK};
use crate::pages::Pages;
use directory::PiecesDirectory;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::store::Compressor;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use tantivy::{DocSet, Index, IndexSettings, SegmentReader, TERMINATED, TantivyDocument, Term};

const TERMS: &str = "terms";
const TOKENIZER: &str = "zero_separated";
const META: &str = "meta.json";

/// A named piece of a stored index: its place in the index region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub name: String,
    pub offset: usize,
    pub length: usize,
}

/// Collects the terms of blocks.
pub(crate) struct TermIndexBuilder {
    writer: SingleSegmentIndexWriter,
    ram: RamDirectory,
    field: Field,
    joined: String,
}

impl TermIndexBuilder {
    /// `blocks` is how many are expected; more may come.
    pub(crate) fn new(blocks: usize) -> Result<Self, tantivy::TantivyError> {
        let (schema, field) = schema();
        let ram = RamDirectory::create();
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let tokenizers = tantivy::tokenizer::TokenizerManager::new();
        tokenizers.register(TOKENIZER, ZeroSeparated::default());
        let builder = Index::builder().schema(schema).settings(settings).tokenizers(tokenizers);
        let memory = TERM_INDEX_MEMORY.saturating_add(blocks.saturating_mul(TERM_INDEX_MEMORY_A_BLOCK));
        let writer = builder.single_segment_index_writer(ram.clone(), memory.min(MAX_TERM_INDEX_MEMORY))?;
        Ok(Self { writer, ram, field, joined: String::new() })
    }

    /// Adds the next block. Terms hold no zero byte.
    pub(crate) fn add_block<'t>(&mut self, terms: impl Iterator<Item = &'t str>) -> Result<(), tantivy::TantivyError> {
        self.joined.clear();
        for term in terms {
            self.joined.push_str(term);
            self.joined.push('\0');
        }
        let mut document = TantivyDocument::new();
        document.add_text(self.field, &self.joined);
        self.writer.add_document(document)
    }

    /// Appends the pieces to `region` and answers their places.
    pub(crate) fn finish(self, region: &mut Vec<u8>) -> Result<Vec<Piece>, tantivy::TantivyError> {
        let Self { writer, ram, .. } = self;
        let index = writer.finalize()?;
        let mut names: Vec<PathBuf> = index.load_metas()?.list_segment_files().into_iter().collect();
        names.sort();
        let mut pieces = Vec::new();
        let mut add = |name: &Path, bytes: &[u8]| {
            pieces.push(Piece { name: name.to_string_lossy().into_owned(), offset: region.len(), length: bytes.len() });
            region.extend_from_slice(bytes);
        };
        let meta = Path::new(META);
        add(meta, &ram.atomic_read(meta)?);
        for name in names {
            if ram.exists(&name)? {
                add(&name, ram.open_read(&name)?.read_bytes()?.as_slice());
            }
        }
        Ok(pieces)
    }
}

impl std::fmt::Debug for TermIndexBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TermIndexBuilder").finish_non_exhaustive()
    }
}

/// A stored index opened for lookups.
pub(crate) struct TermIndex {
    segment: Option<SegmentReader>,
    field: Field,
}

impl std::fmt::Debug for TermIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TermIndex").finish_non_exhaustive()
    }
}

impl TermIndex {
    pub(crate) fn open(pages: Arc<Pages>, pieces: Vec<Piece>, file: &str) -> Result<Self, LogStoreError> {
        let failed = || LogStoreError::term_index(file);
        let index = Index::open(PiecesDirectory::new(pages, pieces)).map_err(failed())?;
        let field = index.schema().get_field(TERMS).map_err(failed())?;
        let segments = index.searchable_segments().map_err(failed())?;
        let segment = segments.first().map(SegmentReader::open).transpose().map_err(failed())?;
        Ok(Self { segment, field })
    }

    /// Calls `visit` with each block that has the term.
    pub(crate) fn blocks_with(
        &self,
        term: &str,
        file: &str,
        mut visit: impl FnMut(usize),
    ) -> Result<(), LogStoreError> {
        let Some(segment) = &self.segment else { return Ok(()) };
        let inverted = segment.inverted_index(self.field).map_err(LogStoreError::term_index(file))?;
        let term = Term::from_field_text(self.field, term);
        let postings = inverted
            .read_postings(&term, IndexRecordOption::Basic)
            .map_err(LogStoreError::io("read a part's term index"))?;
        let Some(mut postings) = postings else { return Ok(()) };
        let mut document = postings.doc();
        while document != TERMINATED {
            visit(document as usize);
            document = postings.advance();
        }
        Ok(())
    }
}

fn schema() -> (Schema, Field) {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let mut schema = Schema::builder();
    let field = schema.add_text_field(TERMS, TextOptions::default().set_indexing_options(indexing));
    (schema.build(), field)
}

/// Cuts text at zero bytes.
#[derive(Clone, Default)]
struct ZeroSeparated {
    token: Token,
}

struct ZeroSeparatedStream<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl Tokenizer for ZeroSeparated {
    type TokenStream<'a> = ZeroSeparatedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ZeroSeparatedStream<'a> {
        self.token.reset();
        ZeroSeparatedStream { rest: text, token: &mut self.token }
    }
}

impl TokenStream for ZeroSeparatedStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((term, rest)) = self.rest.split_once('\0') else { return false };
        self.rest = rest;
        // A reset token stands before the first position, as tantivy counts.
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        self.token.text.push_str(term);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
