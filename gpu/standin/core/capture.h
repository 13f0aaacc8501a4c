// Recording the work of streams into graphs, with the driver's rules for what may happen meanwhile.
#pragma once
#include "objects.h"

namespace standin {

// The code that a call which could touch the null stream (allocation, query, loading) has to return
// because this thread, or with mode global any thread, is capturing; 0 if it may go on. Invalidates.
int forbid_while_capturing(const char* call);
// The same for a call that waits for `stream`, or with null for all streams.
int forbid_waiting(const char* call, Stream* stream);

int begin_capture(Stream& stream, int mode);
int end_capture(Stream& stream, std::shared_ptr<Graph>& graph);
int capture_record(Stream& stream, Event& event);
// The same as a node of its own: each launch of the graph records the event.
int capture_external_record(Stream& stream, Event& event);
// Joins `stream` to the capture that `event` belongs to.
int capture_wait(Stream& stream, Event& event);
// Puts an operation into a stream: into its graph while it captures, else into its queue.
int submit(Stream& stream, Operation op);
int launch(GraphExec& exec, Stream& stream);
// The stream or the capture goes away before its end.
void abandon(Stream& stream, const char* why);

// How this thread's calls count, as cuThreadExchangeStreamCaptureMode sets it.
int& thread_mode();

} // namespace standin
