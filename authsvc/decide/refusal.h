// Why a step refuses: passed up as a value until it becomes the decision.
#pragma once

#include <memory>
#include <string>

#include "authsvc/verify/verify_path.h"
#include "shared/base/reason.h"

namespace sallyport::authsvc {

struct Refusal {
  base::Reason reason = base::Reason::kInternal;
  std::string detail;                          // for operators, never for the caller
  std::shared_ptr<const PathFailure> failure;  // set when a certificate failed
};

[[nodiscard]] inline Refusal No(base::Reason reason, std::string detail) {
  return {reason, std::move(detail), nullptr};
}

[[nodiscard]] inline Refusal RefuseByPath(const std::shared_ptr<const PathFailure>& failure) {
  return {failure->reason, failure->detail, failure};
}

}  // namespace sallyport::authsvc
