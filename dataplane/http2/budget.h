// How much of what is cheap to send and dear to take a client may send (RFC 9113 10.5): each kind
// has a budget that fills up with time, and some with what honest clients do beside it. Pure; one
// connection's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

enum class Nuisance : uint8_t {
  kReset,  // requests begun and taken back (CVE-2023-44487), and such as are refused for their
           // number
  kSettings,
  kPing,
  kPriority,
  kWindowUpdate,
  kEmptyData,  // DATA without data that ends nothing
  kUnknownFrame,
  kFault,  // streams that had to be reset for what came on them
  kCount,
};
// A constant, for metrics and logs.
[[nodiscard]] absl::string_view NuisanceName(Nuisance kind);

class NuisanceBudget {
 public:
  // `max_streams`: as many more may be taken back at once.
  explicit NuisanceBudget(uint32_t max_streams);
  // Of what we take back from an upstream (kReset): far below what servers put up with.
  [[nodiscard]] static NuisanceBudget ForCancels();
  // False: there was one too many.
  [[nodiscard]] bool Spend(Nuisance kind, int64_t now_millis);
  // A frame of DATA was sent: the peer may answer it, and gRPC's in Go measures the path by a PING.
  void SentData() {
    Earn(Nuisance::kWindowUpdate, 4);
    Earn(Nuisance::kPing, 1);
  }
  // Its acknowledgement is no nuisance.
  void SentPing() { Earn(Nuisance::kPing, 1); }
  // A request came; some clients prioritise each.
  void GotRequest() { Earn(Nuisance::kPriority, 2); }

 private:
  struct Purse {
    double most = 0;
    double per_second = 0;
    double left = 0;
    int64_t at_millis = 0;
  };
  void Earn(Nuisance kind, double amount);
  std::array<Purse, static_cast<size_t>(Nuisance::kCount)> purses_;
};

}  // namespace sallyport::dataplane
