// The write of one API definition that came by REST. Private to this folder.
#pragma once

#include "authsvc/admin/answers.h"
#include "authsvc/admin/call.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::admin {

// "Validation of API Definition failed. Reason: why", 400.
[[nodiscard]] Response InvalidApi(absl::string_view why);

// Other APIs that change with one that is written: all, or none of them.
struct WrittenBeside {
  std::vector<dialects::Conversion> apis;
  uint64_t snapshot = 0;  // not 0: what they are made of, `moved` where it is not the newest
  bool* moved = nullptr;  // set: nothing was written, make all of it again
};
// The write that deletes the API, with what goes with it and `beside`. InvalidArgument: that cannot
// be made.
[[nodiscard]] absl::StatusOr<Write> MakeDelete(const Call& call, const std::string& id,
                                               WrittenBeside* beside);
// `update`: of the API that the path names, which must be there and have the definition's id.
[[nodiscard]] Response WriteApi(const Call& call, dialects::Conversion conversion, bool update,
                                WrittenBeside beside = {});
[[nodiscard]] Response DeleteApi(const Call& call, const std::string& id,
                                 WrittenBeside beside = {});

}  // namespace sallyport::authsvc::admin
