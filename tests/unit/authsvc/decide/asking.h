// Asking for decisions in tests.
#pragma once

#include <algorithm>

#include "authsvc/decide/decide.h"
#include "authsvc/decide/memo.h"
#include "gmock/gmock.h"
#include "shared/base/reason.h"
#include "tests/unit/authsvc/decide/world.h"

namespace sallyport::authsvc {

using base::Reason;

// Asks three times, without memo, with a cold and with a warm one: the answers must be the same.
inline v1::Decision Ask(const World& world, const v1::AuthorizeRequest& request,
                        absl::Time now = testing::TestNow(), bool asserted = false) {
  DecisionMemo memo;
  AuthorizeQuestion question{request, asserted, std::nullopt};
  const v1::Decision plain = Decide(world.snapshot(), question, now);
  const v1::Decision cold = Decide(world.snapshot(), question, now, &memo);
  const v1::Decision warm = Decide(world.snapshot(), question, now, &memo);
  EXPECT_EQ(plain.DebugString(), cold.DebugString());
  EXPECT_EQ(cold.DebugString(), warm.DebugString());
  return plain;
}
inline Reason ReasonOf(const v1::Decision& decision) {
  return base::ReasonFromNumber(decision.reason());
}

inline bool HasTag(const v1::Decision& decision, absl::string_view tag) {
  return std::any_of(decision.tags().begin(), decision.tags().end(),
                     [&](const std::string& have) { return have == tag; });
}

inline void PrintTo(Reason reason, std::ostream* out) { *out << base::ReasonName(reason); }

#define EXPECT_REFUSED(decision, expected)                                              \
  do {                                                                                  \
    const auto& refused_ = (decision);                                                  \
    EXPECT_EQ(base::ReasonName(ReasonOf(refused_)), base::ReasonName(Reason::expected)) \
        << refused_.detail();                                                           \
    EXPECT_FALSE(refused_.has_grants());                                                \
    EXPECT_FALSE(refused_.identity().certificate_verified());                           \
  } while (false)
#define EXPECT_ALLOWED(decision) \
  EXPECT_EQ(ReasonOf(decision), Reason::kAllowed) << (decision).detail()

}  // namespace sallyport::authsvc
