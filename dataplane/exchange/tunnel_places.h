// How many tunnels a process may hold. Shared by its loops; thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace sallyport::dataplane {

class TunnelPlaces {
 public:
  explicit TunnelPlaces(uint32_t most) : most_(most) {}

  // Free again when it is destroyed; empty: all were taken.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(of_, other.of_);
      return *this;
    }
    ~Place() {
      if (of_ != nullptr) of_->taken_.fetch_sub(1, std::memory_order_relaxed);
    }
    [[nodiscard]] explicit operator bool() const { return of_ != nullptr; }

   private:
    friend class TunnelPlaces;
    explicit Place(TunnelPlaces* of) : of_(of) {}
    TunnelPlaces* of_ = nullptr;
  };

  [[nodiscard]] Place Take() {
    if (taken_.fetch_add(1, std::memory_order_relaxed) < most_) return Place(this);
    taken_.fetch_sub(1, std::memory_order_relaxed);
    return {};
  }

 private:
  const uint32_t most_;
  std::atomic<uint32_t> taken_{0};
};

}  // namespace sallyport::dataplane
