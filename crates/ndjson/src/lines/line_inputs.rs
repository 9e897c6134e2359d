//! What a decoder was given, as lines: chunks of bytes, and the ends of files.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::lines::line_splitter::{LineSplitter, Piece};
use crate::options::FileContext;

/// The input of a decoder that is not decoded yet.
#[derive(Debug)]
pub(crate) struct LineInputs {
    splitter: LineSplitter,
    inputs: VecDeque<Input>,
    pieces: VecDeque<Piece>,
    has_ended: bool,
}

#[derive(Debug)]
enum Input {
    Chunk(Bytes),
    EndFile,
    NextFile(FileContext),
    End,
}

/// What comes next.
pub(crate) enum NextPiece {
    Piece(Piece),
    /// All chunks are taken, and more may follow.
    NeedInput,
    /// The input has ended.
    Ended,
}

impl LineInputs {
    pub(crate) fn new(max_line_bytes: usize) -> Self {
        Self {
            splitter: LineSplitter::new(max_line_bytes),
            inputs: VecDeque::new(),
            pieces: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Adds the next bytes of the file.
    pub(crate) fn push_chunk(&mut self, chunk: Bytes) {
        self.inputs.push_back(Input::Chunk(chunk));
    }

    /// Ends the file: its last line is complete even without a line feed.
    pub(crate) fn end_file(&mut self) {
        self.inputs.push_back(Input::EndFile);
    }

    /// Ends the file and continues with another one.
    pub(crate) fn next_file(&mut self, file: FileContext) {
        self.inputs.push_back(Input::NextFile(file));
    }

    /// Ends the input.
    pub(crate) fn end_input(&mut self) {
        self.inputs.push_back(Input::End);
    }

    /// Gives a piece back, of which something is left.
    pub(crate) fn put_back(&mut self, piece: Piece) {
        self.pieces.push_front(piece);
    }

    /// Takes the next piece.
    pub(crate) fn next_piece(&mut self) -> NextPiece {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return NextPiece::Piece(piece);
            }
            match self.inputs.pop_front() {
                Some(Input::Chunk(chunk)) => self.splitter.split_chunk(chunk, &mut self.pieces),
                Some(Input::EndFile) => self.splitter.finish_last_line(&mut self.pieces),
                Some(Input::NextFile(file)) => {
                    self.splitter.finish_last_line(&mut self.pieces);
                    self.pieces.push_back(Piece::NextFile(file));
                }
                Some(Input::End) => {
                    self.splitter.finish_last_line(&mut self.pieces);
                    self.has_ended = true;
                }
                None if self.has_ended => return NextPiece::Ended,
                None => return NextPiece::NeedInput,
            }
        }
    }
}
