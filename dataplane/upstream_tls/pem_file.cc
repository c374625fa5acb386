#include "dataplane/upstream_tls/pem_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/descriptor.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kBegin = "-----BEGIN ";
constexpr absl::string_view kDashes = "-----";

bool IsCertificateLabel(absl::string_view label) {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE";
}

bool DecodeBody(absl::string_view body, std::string* der) {
  std::string base64;
  base64.reserve(body.size());
  for (const char c : body) {
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) base64.push_back(c);
  }
  return !base64.empty() && absl::Base64Unescape(base64, der) && !der->empty();
}

absl::Status FileError(absl::string_view what) {
  const int error = errno;
  const std::string text = absl::StrCat(what, ": ", std::strerror(error));
  if (error == EMFILE || error == ENFILE || error == ENOMEM)
    return absl::ResourceExhaustedError(text);
  return absl::UnavailableError(text);
}

}  // namespace

PemCertificates ReadPemCertificates(absl::string_view text) {
  PemCertificates found;
  for (size_t at = text.find(kBegin); at != absl::string_view::npos; at = text.find(kBegin)) {
    text.remove_prefix(at + kBegin.size());
    const size_t label_end = text.find(kDashes);
    if (label_end == absl::string_view::npos) break;
    const absl::string_view label = text.substr(0, label_end);
    if (!IsCertificateLabel(label)) continue;
    text.remove_prefix(label_end + kDashes.size());
    const size_t end = text.find(kDashes);  // of this block's END, or of the next BEGIN
    const absl::string_view body = text.substr(0, end);
    std::string der;
    const bool whole =
        end != absl::string_view::npos &&
        absl::StartsWith(text.substr(end), absl::StrCat("-----END ", label, kDashes));
    if (whole && DecodeBody(body, &der)) {
      found.der.push_back(std::move(der));
    } else {
      ++found.broken;
    }
  }
  return found;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t limit) {
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return FileError("cannot open");
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return FileError("cannot stat");
  if (!S_ISREG(facts.st_mode)) return absl::FailedPreconditionError("not a regular file");
  if (static_cast<uint64_t>(facts.st_size) > limit)
    return absl::OutOfRangeError("file is too large");
  std::string bytes;
  char block[64 * 1024];
  while (bytes.size() <= limit) {
    const ssize_t got = read(file.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("cannot read");
    if (got == 0) return bytes;
    bytes.append(block, static_cast<size_t>(got));
  }
  return absl::OutOfRangeError("file is too large");
}

}  // namespace sallyport::dataplane
