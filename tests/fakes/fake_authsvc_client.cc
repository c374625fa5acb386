#include "tests/fakes/fake_authsvc_client.h"

#include <utility>

namespace sallyport::dataplane {
namespace {

template <typename Value>
void Deliver(Poster* poster, const std::shared_ptr<Completion<Value>>& done,
             absl::StatusOr<Value> value) {
  poster->Post([done, value = std::move(value)] { (*done)(value); });
}

}  // namespace

FakeAuthsvcClient::FakeAuthsvcClient() { FailWith(absl::UnavailableError("nobody there")); }

void FakeAuthsvcClient::AnswerWith(Decision decision) {
  on_authorize = [decision](const AuthorizeQuestion&) { return decision; };
}

void FakeAuthsvcClient::FailWith(absl::Status status) {
  on_authorize = [status](const AuthorizeQuestion&) { return status; };
  on_upstream = [status](const UpstreamQuestion&) { return status; };
  on_server = [status](const ServerQuestion&) { return status; };
  on_validate = [status](const ValidationQuestion&) { return status; };
}

void FakeAuthsvcClient::Hold() {
  base::MutexLock lock(&mutex_);
  holding_ = true;
}

void FakeAuthsvcClient::LetGo() {
  std::vector<std::function<void()>> held;
  {
    base::MutexLock lock(&mutex_);
    holding_ = false;
    held = std::move(held_);
    held_.clear();
  }
  for (const auto& answer : held) answer();
}

std::vector<AuthorizeQuestion> FakeAuthsvcClient::authorize_questions() const {
  base::MutexLock lock(&mutex_);
  return asked_;
}
size_t FakeAuthsvcClient::authorize_calls() const {
  base::MutexLock lock(&mutex_);
  return asked_.size();
}
size_t FakeAuthsvcClient::upstream_calls() const {
  base::MutexLock lock(&mutex_);
  return upstream_calls_;
}
size_t FakeAuthsvcClient::server_calls() const {
  base::MutexLock lock(&mutex_);
  return server_calls_;
}

std::vector<ValidationQuestion> FakeAuthsvcClient::validation_questions() const {
  base::MutexLock lock(&mutex_);
  return validations_;
}

void FakeAuthsvcClient::Run(std::function<void()> answer) {
  {
    base::MutexLock lock(&mutex_);
    if (holding_) {
      held_.push_back(std::move(answer));
      return;
    }
  }
  answer();
}

void FakeAuthsvcClient::Authorize(AuthorizeQuestion question, Poster* poster,
                                  Completion<DecisionPtr> done) {
  {
    base::MutexLock lock(&mutex_);
    asked_.push_back(question);
  }
  const auto shared = std::make_shared<Completion<DecisionPtr>>(std::move(done));
  Run([this, question = std::move(question), poster, shared] {
    absl::StatusOr<Decision> decision = on_authorize(question);
    if (!decision.ok()) return Deliver<DecisionPtr>(poster, shared, decision.status());
    Deliver<DecisionPtr>(poster, shared, std::make_shared<const Decision>(*std::move(decision)));
  });
}

void FakeAuthsvcClient::ResolveUpstream(UpstreamQuestion question, Poster* poster,
                                        Completion<UpstreamCredentialsPtr> done) {
  {
    base::MutexLock lock(&mutex_);
    ++upstream_calls_;
  }
  const auto shared = std::make_shared<Completion<UpstreamCredentialsPtr>>(std::move(done));
  Run([this, question = std::move(question), poster, shared] {
    Deliver<UpstreamCredentialsPtr>(poster, shared, on_upstream(question));
  });
}

void FakeAuthsvcClient::ResolveServer(ServerQuestion question, Poster* poster,
                                      Completion<ServerCredentialsPtr> done) {
  {
    base::MutexLock lock(&mutex_);
    ++server_calls_;
  }
  const auto shared = std::make_shared<Completion<ServerCredentialsPtr>>(std::move(done));
  Run([this, question = std::move(question), poster, shared] {
    Deliver<ServerCredentialsPtr>(poster, shared, on_server(question));
  });
}

void FakeAuthsvcClient::ValidateCertificate(ValidationQuestion question, Poster* poster,
                                            Completion<ValidationPtr> done) {
  {
    base::MutexLock lock(&mutex_);
    validations_.push_back(question);
  }
  const auto shared = std::make_shared<Completion<ValidationPtr>>(std::move(done));
  Run([this, question = std::move(question), poster, shared] {
    Deliver<ValidationPtr>(poster, shared, on_validate(question));
  });
}

}  // namespace sallyport::dataplane
