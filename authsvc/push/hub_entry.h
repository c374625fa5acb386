// One change in the hub's history, with the message that each group gets for it, made once per
// group.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "authsvc/push/hub.h"
#include "sallyport/v1/distribution.pb.h"

namespace sallyport::authsvc {

struct Hub::Entry {
  explicit Entry(ChangeRecord from);
  [[nodiscard]] std::shared_ptr<const ::sallyport::v1::Update> For(const std::string& group,
                                                                   const std::string& store_id,
                                                                   uint64_t epoch);
  ChangeRecord record;
  size_t bytes = 0;

 private:
  std::map<std::string, std::shared_ptr<const ::sallyport::v1::Update>> by_group_;
};

}  // namespace sallyport::authsvc
