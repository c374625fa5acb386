#include "shared/crypto/pair_check.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "shared/base/secret.h"
#include "shared/crypto/pem.h"

namespace sallyport::crypto {
namespace {

constexpr size_t kMostBytes = 1 << 20;

// False: `problem` says why.
bool Read(absl::string_view setting, const std::string& file, std::string* text,
          std::vector<std::string>* problems) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream all;
  if (in.is_open()) all << in.rdbuf();
  *text = all.str();
  if (!in.is_open() || text->empty()) {
    const char* why = !in.is_open() && errno != 0 ? std::strerror(errno) : "it is empty or no file";
    problems->push_back(
        absl::StrCat(setting, ": cannot read ", file, " (", why,
                     "): put it there, or make it readable for the user that runs the service"));
    return false;
  }
  if (text->size() > kMostBytes) {
    problems->push_back(
        absl::StrCat(setting, ": ", file, " is larger than 1 MB: is it the right file?"));
    return false;
  }
  return true;
}

std::string Day(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void CheckTime(absl::string_view setting, const std::string& file, const Certificate& certificate,
               absl::Time now, std::vector<std::string>* problems) {
  if (now > certificate.not_after) {
    problems->push_back(
        absl::StrCat(setting, ": ", file, " expired ", Day(certificate.not_after), ": renew it"));
  } else if (now < certificate.not_before) {
    problems->push_back(absl::StrCat(setting, ": ", file, " is not valid before ",
                                     Day(certificate.not_before),
                                     ": is this machine's clock right?"));
  }
}

void CheckKey(absl::string_view setting, const std::string& chain,
              const std::string& certificate_file, const std::string& key,
              const std::string& key_file, std::vector<std::string>* problems) {
  const base::Secret both(absl::StrCat(chain, "\n", key));
  const auto pair = ParsePem(both.Reveal());
  if (!pair.ok()) {
    problems->push_back(absl::StrCat(setting, ": ", key_file, " does not go with ",
                                     certificate_file, " (", pair.status().message(),
                                     "): put the key of its first certificate there"));
  } else if (pair->private_key.empty()) {
    problems->push_back(
        absl::StrCat(setting, ": ", key_file, " holds no PEM private key: put it there"));
  }
}

}  // namespace

std::vector<std::string> PairProblems(absl::string_view setting,
                                      const std::string& certificate_file,
                                      const std::string& key_file, absl::Time now) {
  std::vector<std::string> problems;
  std::string chain;
  std::string key;
  const bool has_chain = Read(setting, certificate_file, &chain, &problems);
  const bool has_key = Read(setting, key_file, &key, &problems);
  if (has_chain) {
    const auto certificates = ParsePem(chain);
    if (!certificates.ok() || certificates->chain.empty()) {
      problems.push_back(absl::StrCat(
          setting, ": ", certificate_file, " holds no usable PEM certificate",
          certificates.ok() ? "" : absl::StrCat(" (", certificates.status().message(), ")"),
          ": put the chain there, leaf first"));
    } else {
      CheckTime(setting, certificate_file, *certificates->chain.front(), now, &problems);
      if (has_key) CheckKey(setting, chain, certificate_file, key, key_file, &problems);
    }
  }
  base::Cleanse(&key);
  return problems;
}

std::vector<std::string> AuthorityProblems(absl::string_view setting, const std::string& file,
                                           absl::Time now) {
  std::vector<std::string> problems;
  std::string text;
  if (!Read(setting, file, &text, &problems)) return problems;
  const auto bundle = ParsePem(text);
  if (!bundle.ok() || bundle->chain.empty()) {
    return {absl::StrCat(setting, ": ", file,
                         " holds no PEM certificate of a CA: put the control CA there")};
  }
  const bool any = std::any_of(
      bundle->chain.begin(), bundle->chain.end(), [now](const CertificatePtr& certificate) {
        return certificate->not_before <= now && now <= certificate->not_after;
      });
  if (!any) CheckTime(setting, file, *bundle->chain.front(), now, &problems);
  return problems;
}

}  // namespace sallyport::crypto
