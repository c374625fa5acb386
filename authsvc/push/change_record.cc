#include "authsvc/push/change_record.h"

#include <algorithm>

#include "sallyport/v1/distribution.pb.h"

namespace sallyport::authsvc {

bool Audience::Includes(const std::string& group) const {
  return present &&
         (groups.empty() || std::find(groups.begin(), groups.end(), group) != groups.end());
}

ChangeRecord::ChangeRecord() = default;
ChangeRecord::~ChangeRecord() = default;
ChangeRecord::ChangeRecord(ChangeRecord&&) noexcept = default;
ChangeRecord& ChangeRecord::operator=(ChangeRecord&&) noexcept = default;

}  // namespace sallyport::authsvc
