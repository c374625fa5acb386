#include "shared/config/checks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sallyport::config {
namespace {

bool May(const std::string& path, int how) {
  return faccessat(AT_FDCWD, path.c_str(), how, AT_EACCESS) == 0;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string Problem(absl::string_view setting, absl::string_view path, absl::string_view what) {
  return absl::StrCat(setting, ": ", path, " ", what);
}

bool IsAddress(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

bool IsV6(const std::string& address) { return absl::StrContains(address, ":"); }
bool IsAny(const std::string& address) { return address == "::" || address == "0.0.0.0"; }

bool IsOf(const sockaddr* theirs, const std::string& address) {
  if (theirs == nullptr) return false;
  unsigned char bytes[16];
  if (theirs->sa_family == AF_INET && inet_pton(AF_INET, address.c_str(), bytes) == 1) {
    return std::memcmp(&reinterpret_cast<const sockaddr_in*>(theirs)->sin_addr, bytes, 4) == 0;
  }
  if (theirs->sa_family == AF_INET6 && inet_pton(AF_INET6, address.c_str(), bytes) == 1) {
    return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(theirs)->sin6_addr, bytes, 16) == 0;
  }
  return false;
}

// Also true when the machine does not say which addresses it has.
bool MachineHas(const std::string& address) {
  if (IsAny(address) || absl::StartsWith(address, "127.")) return true;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return true;
  bool found = false;
  for (const ifaddrs* one = all; one != nullptr && !found; one = one->ifa_next)
    found = IsOf(one->ifa_addr, address);
  freeifaddrs(all);
  return found;
}

bool Clash(const ListenPlace& a, const ListenPlace& b) {
  if (a.port != b.port || a.port == 0) return false;
  if (a.address == "::" || b.address == "::") return true;  // takes IPv4 as well
  return a.address == b.address ||
         (IsV6(a.address) == IsV6(b.address) && (IsAny(a.address) || IsAny(b.address)));
}

}  // namespace

std::vector<std::string> FileProblems(absl::string_view setting, const std::string& path,
                                      absl::string_view remedy) {
  if (path.empty()) return {absl::StrCat(setting, " is not set: ", remedy)};
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) {
    return {Problem(setting, path,
                    absl::StrCat("cannot be read (", std::strerror(errno), "): ", remedy))};
  }
  if (!S_ISREG(facts.st_mode))
    return {Problem(setting, path, absl::StrCat("is not a file: ", remedy))};
  if (!May(path, R_OK)) {
    return {
        Problem(setting, path,
                "may not be read by this user: give it to the user that runs the service (chown)")};
  }
  return {};
}

std::vector<std::string> WritableProblems(absl::string_view setting, const std::string& path,
                                          bool beside) {
  const std::string folder = FolderOf(path);
  struct stat facts{};
  if (stat(folder.c_str(), &facts) != 0) {
    return {Problem(setting, folder,
                    absl::StrCat("cannot be used (", std::strerror(errno),
                                 "): make it with mkdir -p ", folder, ", or name another place"))};
  }
  if (!S_ISDIR(facts.st_mode))
    return {Problem(setting, folder, "is not a folder: name another place")};
  const bool there = stat(path.c_str(), &facts) == 0;
  if ((!there || beside) && !May(folder, W_OK | X_OK)) {
    return {Problem(
        setting, folder,
        "may not be written by this user: give it to the user that runs the service (chown)")};
  }
  if (!there) return {};
  if (S_ISDIR(facts.st_mode)) return {Problem(setting, path, "is a folder: name a file in it")};
  if (!May(path, R_OK | W_OK)) {
    return {Problem(
        setting, path,
        "may not be written by this user: give it to the user that runs the service (chown)")};
  }
  return {};
}

std::vector<std::string> PlaceProblems(const std::vector<ListenPlace>& places) {
  std::vector<std::string> problems;
  for (size_t i = 0; i < places.size(); ++i) {
    const ListenPlace& place = places[i];
    if (!IsAddress(place.address)) {
      problems.push_back(
          absl::StrCat(place.setting, ".address: \"", place.address,
                       "\" is neither an IPv4 nor an IPv6 address: names are not looked up here"));
    } else if (!MachineHas(place.address)) {
      problems.push_back(absl::StrCat(place.setting, ".address: this machine has no address ",
                                      place.address, ": `ip address` lists those that it has"));
    }
    for (size_t j = 0; j < i; ++j) {
      if (!Clash(places[j], place)) continue;
      problems.push_back(absl::StrCat(place.setting, ".port: ", place.port, " is that of ",
                                      places[j].setting, " already: give one of them another"));
    }
  }
  return problems;
}

bool IsTarget(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  uint32_t port = 0;
  if (!absl::SimpleAtoi(text.substr(colon + 1), &port) || port == 0 || port > 65535) return false;
  const absl::string_view host = text.substr(0, colon);
  // An IPv6 address stands in brackets, else its last group would be taken for the port.
  return !absl::StrContains(host, ":") ||
         (absl::StartsWith(host, "[") && absl::EndsWith(host, "]"));
}

}  // namespace sallyport::config
