// Short ways to ask VerifyPath in tests.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "authsvc/verify/verify_path.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {

using testing::CertBuilder;
using testing::KeyType;
using testing::TestCert;
using testing::TestNow;

inline TrustSetPtr Trust(std::initializer_list<TestCert> authorities) {
  TrustSpec spec;
  for (const TestCert& made : authorities) spec.authorities.push_back(made.cert);
  return TrustSet::Make(std::move(spec));
}
inline TrustSetPtr TrustExactly(const TestCert& made) {
  TrustSpec spec;
  spec.exact.push_back(made.cert);
  return TrustSet::Make(std::move(spec));
}

inline PathQuestion Question(std::initializer_list<TestCert> presented, TrustSetPtr trust) {
  PathQuestion question;
  for (const TestCert& made : presented) question.presented.push_back(made.cert);
  question.trust = std::move(trust);
  question.time = TestNow();
  return question;
}

inline PathResult Verify(std::initializer_list<TestCert> presented, TrustSetPtr trust) {
  return VerifyPath(Question(presented, std::move(trust)), nullptr);
}

// Reason of the answer: kAllowed when verified.
inline base::Reason ReasonOf(const PathResult& result) {
  return result.ok() ? base::Reason::kAllowed : result.failure->reason;
}
inline base::Reason ReasonFor(std::initializer_list<TestCert> presented, TrustSetPtr trust) {
  return ReasonOf(Verify(presented, std::move(trust)));
}

inline TestCert MakeRoot(absl::string_view subject = "CN=Root") {
  return CertBuilder(subject).Ca().SelfSign();
}

}  // namespace sallyport::authsvc
