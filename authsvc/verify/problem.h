// What a check found wrong. Only for this folder.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "shared/base/reason.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

struct Problem {
  base::Reason reason = base::Reason::kCertUntrusted;
  int x509_error = 0;
  std::string detail;
  int depth = 0;  // 0 = leaf
};

[[nodiscard]] inline Problem FromDefect(const crypto::Defect& defect, int depth) {
  return {defect.reason, defect.x509_error, defect.detail, depth};
}

}  // namespace sallyport::authsvc
