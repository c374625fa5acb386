// A snapshot on its way to one subscriber: where in the listing it stands.
#pragma once

#include <memory>
#include <string>

#include "authsvc/push/hub.h"
#include "authsvc/snapshot/snapshot.h"
#include "sallyport/v1/distribution.pb.h"

namespace sallyport::authsvc {

struct Subscription::Part {
  Part(SnapshotPtr from, uint64_t server_version)
      : snapshot(std::move(from)), version(server_version) {}

  // The next message of at most about `limit` bytes; `last` is set on the final one.
  [[nodiscard]] std::shared_ptr<const ::sallyport::v1::Update> Next(const std::string& group,
                                                                    size_t limit);
  [[nodiscard]] bool done() const { return done_; }

  const SnapshotPtr snapshot;
  const uint64_t version;

 private:
  const ApiEntry* Peek();

  Page<ApiEntry> page_;
  size_t at_ = 0;
  bool started_ = false;
  bool done_ = false;
};

}  // namespace sallyport::authsvc
