// The use of a connection for one request.
#include <utility>

#include "dataplane/upstream/slot.h"

namespace sallyport::dataplane {

UpstreamLease::UpstreamLease(std::unique_ptr<UpstreamConnection> connection,
                             std::shared_ptr<UpstreamSlot> slot)
    : connection_(std::move(connection)), slot_(std::move(slot)) {
  reused_ = connection_->uses++ > 0;
}

UpstreamLease::UpstreamLease(std::shared_ptr<UpstreamHttp2> http2,
                             std::shared_ptr<UpstreamSlot> slot)
    : http2_(std::move(http2)), slot_(std::move(slot)), reused_(http2_->proven()) {
  http2_->Take();
}

UpstreamLease::UpstreamLease(UpstreamLease&& other) noexcept = default;

UpstreamLease& UpstreamLease::operator=(UpstreamLease&& other) noexcept {
  if (this != &other) {
    Drop();
    connection_ = std::move(other.connection_);
    http2_ = std::move(other.http2_);
    slot_ = std::move(other.slot_);
    reused_ = other.reused_;
    waited_ = other.waited_;
  }
  return *this;
}

UpstreamLease::~UpstreamLease() { Drop(); }

UpstreamConnection& UpstreamLease::connection() const {
  return connection_ != nullptr ? *connection_ : http2_->connection();
}

void UpstreamLease::Keep() {
  if (slot_ == nullptr) return;
  const std::shared_ptr<UpstreamSlot> slot = std::move(slot_);
  const std::shared_ptr<UpstreamHttp2> http2 = std::move(http2_);
  if (http2 != nullptr) return slot->GiveBack(*http2);
  slot->GiveBack(std::move(connection_));
}

void UpstreamLease::Drop() {
  connection_ = nullptr;
  Keep();
}

std::unique_ptr<UpstreamConnection> UpstreamLease::Detach() {
  std::unique_ptr<UpstreamConnection> connection = std::move(connection_);
  Drop();
  return connection;
}

}  // namespace sallyport::dataplane
