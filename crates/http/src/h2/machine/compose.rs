//! Composes output: what is in line as it stands, then DATA frames cut at this moment from whichever stream is most
//! urgent. Called by the two faces for their driver, once for each write.

use bytes::BytesMut;

use super::connection::Connection;
use super::event::Event;
use super::send::write_block;
use super::send_queue::QueueEnd;
use super::streams::Slot;
use crate::h2::limits;
use crate::h2::wire::{FrameHead, FrameKind, flags};

impl Connection {
    /// Appends control frames, all of them, and DATA up to about `budget` bytes in all.
    pub(super) fn poll_output(&mut self, out: &mut BytesMut, budget: usize) {
        let start = out.len();
        self.flush_control(out);
        while out.len() - start < budget && self.send_window.available() > 0 {
            let Some(slot) = self.scheduler.next().map(Slot::new) else { break };
            self.send_frame(slot, out, budget - (out.len() - start));
        }
        // Trailers, and what the end of a stream led to.
        self.flush_control(out);
    }

    fn flush_control(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&self.control);
        self.control.clear();
    }

    /// One DATA frame of the stream whose turn it is.
    fn send_frame(&mut self, slot: Slot, out: &mut BytesMut, budget: usize) {
        let connection_window = self.send_window.available();
        let stream = self.streams.get_mut(slot);
        let (id, queued) = (stream.id, stream.queue.len());
        let window = stream.send_window.available().min(connection_window);
        // The rest of a budget is not worth a crumb of its own: rather a little more.
        let room = budget.saturating_sub(FrameHead::LENGTH).max(limits::CRUMB_SIZE);
        let length = queued.min(window).min(room).min(limits::FRAME_SIZE_MAX as usize);
        let is_last = length == queued;
        let end = if is_last && stream.queue.is_ended() { Some(()) } else { None };
        stream.send_window.take(length);
        stream.progress += length as u64;
        let head_at = out.len();
        out.extend_from_slice(&[0; FrameHead::LENGTH]);
        stream.queue.cut(length, out);
        let end = end.map(|()| stream.queue.take_end());
        let bits = if matches!(end, Some(QueueEnd::Plain)) { flags::END_STREAM } else { 0 };
        let head = FrameHead { length: length as u32, kind: FrameKind::Data, flags: bits, stream: id };
        out[head_at..head_at + FrameHead::LENGTH].copy_from_slice(&head.encode());
        self.send_window.take(length);
        self.streams.unqueue(length);
        // A crumb that only the peer's window made so small does not ask for an answer.
        if length >= limits::CRUMB_SIZE || length == queued {
            self.trouble.expect_answers();
        }
        if end.is_some() {
            self.scheduler.remove(slot.number());
        }
        match end {
            None => self.go_on(slot),
            Some(QueueEnd::Trailers(fields)) => {
                // Behind this frame, and before any head that is coded later. What is in line now was coded before.
                self.flush_control(out);
                let frame_size_max = self.peer.frame_size_max;
                let frame = (FrameKind::Headers, id, flags::END_STREAM);
                write_block(&mut self.encoder, &mut self.control, frame_size_max, frame, &[], |encoder, out| {
                    encoder.fields(&fields, out);
                });
                self.flush_control(out);
                self.close_our_side(slot);
            }
            Some(_) => self.close_our_side(slot),
        }
    }

    /// The stream has sent a frame and not its last.
    fn go_on(&mut self, slot: Slot) {
        let low = self.limits.stream_backlog / 2;
        let stream = self.streams.get_mut(slot);
        let has_room = stream.wants_room && stream.queue.len() <= low;
        if has_room {
            stream.wants_room = false;
            self.events.push_back(Event::Writable { stream: stream.id });
        }
        self.scheduler.rotate(slot.number());
        self.schedule(slot);
    }
}
