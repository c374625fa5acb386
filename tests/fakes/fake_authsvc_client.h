// An authsvc that answers as a test tells it to: at once, or when the test lets answers go.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dataplane/sync/authsvc_client.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class FakeAuthsvcClient final : public AuthsvcClient {
 public:
  // Until a test says otherwise, nobody answers (Unavailable).
  FakeAuthsvcClient();

  std::function<absl::StatusOr<Decision>(const AuthorizeQuestion&)> on_authorize;
  std::function<absl::StatusOr<UpstreamCredentialsPtr>(const UpstreamQuestion&)> on_upstream;
  std::function<absl::StatusOr<ServerCredentialsPtr>(const ServerQuestion&)> on_server;

  std::function<absl::StatusOr<ValidationPtr>(const ValidationQuestion&)> on_validate;

  // Every answer of Authorize from now on.
  void AnswerWith(Decision decision);
  void FailWith(absl::Status status);
  // Questions are taken in but not answered (the answer is made when they are let go).
  void Hold();
  // Answers what is held; new questions are answered at once again.
  void LetGo();

  [[nodiscard]] std::vector<AuthorizeQuestion> authorize_questions() const;
  [[nodiscard]] size_t authorize_calls() const;
  [[nodiscard]] size_t upstream_calls() const;
  [[nodiscard]] size_t server_calls() const;
  [[nodiscard]] std::vector<ValidationQuestion> validation_questions() const;

  void Authorize(AuthorizeQuestion question, Poster* poster, Completion<DecisionPtr> done) override;
  void ResolveUpstream(UpstreamQuestion question, Poster* poster,
                       Completion<UpstreamCredentialsPtr> done) override;
  void ResolveServer(ServerQuestion question, Poster* poster,
                     Completion<ServerCredentialsPtr> done) override;
  void ValidateCertificate(ValidationQuestion question, Poster* poster,
                           Completion<ValidationPtr> done) override;

 private:
  void Run(std::function<void()> answer);

  mutable base::Mutex mutex_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> held_ ABSL_GUARDED_BY(mutex_);
  std::vector<AuthorizeQuestion> asked_ ABSL_GUARDED_BY(mutex_);
  size_t upstream_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t server_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<ValidationQuestion> validations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
