#include "dataplane/forward/attempt.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr absl::Duration kLookAtClient = absl::Seconds(1);
constexpr absl::Duration kDiscardTime = absl::Seconds(2);  // of a body that is not wanted any more

}  // namespace

bool IsIdempotent(absl::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

Attempt::Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
                 const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
                 ForwardOutcome* outcome)
    : lease_(std::move(lease)),
      loop_(loop),
      request_(request),
      timeouts_(timeouts),
      total_(total),
      sink_(sink),
      outcome_(*outcome),
      look_at_client_(loop.After(kLookAtClient)) {}

// Request -----------------------------------------------------------------------------------------

Upload::State Attempt::BeginUpload(BodySink& to) {
  const Upload::Cleaning cleaning{request_.set, request_.remove};
  upload_ = std::make_shared<Upload>(*request_.body, to, cleaning, loop_, timeouts_.idle);
  return upload_->Fill(kGatherBytes);
}

void Attempt::GoOnUploading() {
  upload_running_ = true;
  boost::asio::co_spawn(loop_.context(), Upload::Run(upload_), boost::asio::detached);
}

bool Attempt::DiscardUpload() {
  if (!upload_running_ || upload_->finished().is_set()) return false;
  upload_->Discard(
      loop_.After(outcome_.reason == Reason::kClientGone ? absl::ZeroDuration() : kDiscardTime));
  return true;
}

boost::asio::awaitable<void> Attempt::AwaitUpload() {
  (void)co_await upload_->finished().Wait(Deadline::Never());
}

bool Attempt::StillSending() {
  const bool sending = upload_running_ && !upload_->finished().is_set();
  return std::exchange(was_sending_, sending) || sending;
}

bool Attempt::WasRead() const {
  return request_.body == nullptr || (upload_ != nullptr && upload_->body_ended());
}

// Client ------------------------------------------------------------------------------------------

boost::asio::awaitable<Attempt::Step> Attempt::SayContinue() {
  Forgive();
  AnswerHead head;
  head.status = 100;
  head.reason_phrase = "Continue";
  head.has_body = false;
  sink_.Interim(head);
  co_return co_await FlushToClient();
}

boost::asio::awaitable<Attempt::Step> Attempt::FlushToClient() {
  const Deadline deadline = Until(timeouts_.idle);
  const IoResult result = co_await sink_.Flush(deadline);
  co_return Flushed(result);
}

Attempt::Step Attempt::Flushed(const IoResult& result) {
  if (result.ok()) return Step::kGoOn;
  return Fail(Reason::kClientGone, absl::StrCat("while answering: ", result.ToString()));
}

bool Attempt::ClientIsThere() {
  if (!loop_.Passed(look_at_client_)) return true;
  look_at_client_ = loop_.After(kLookAtClient);
  return sink_.ClientIsThere();
}

// Failures ----------------------------------------------------------------------------------------

Attempt::Step Attempt::Fail(Reason reason, std::string detail) {
  outcome_.reason = reason;
  outcome_.detail = std::move(detail);
  return Step::kStop;
}

// A client that dawdles over its request until the time for the whole is up must not cost the
// target its health.
Attempt::Step Attempt::FailLate() {
  if (upload_running_ && upload_->waits_for_client())
    return Fail(Reason::kRequestTimeout, "the request took too long");
  return Fail(Reason::kUpstreamTimeout, "no answer in time");
}

Attempt::Step Attempt::FailGone() {
  return Fail(Reason::kClientGone, "while waiting for the upstream");
}

void Attempt::CutAnswer() { outcome_.cut = outcome_.answer_started = !sink_.Abandon(); }

void Attempt::Forgive() {
  outcome_.reason = Reason::kAllowed;
  outcome_.detail.clear();
}

bool Attempt::BudgetAllows() {
  if (request_.retries == nullptr) return true;
  outcome_.over_budget = !request_.retries->Take(loop_.NowMillis());
  return !outcome_.over_budget;
}

}  // namespace sallyport::dataplane
