#include "shared/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace sallyport::metrics {
namespace {

std::string FirstOf(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Unix time; a file of one line per figure.
std::optional<double> MachineStart() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    double seconds = 0;
    if (words.size() == 2 && words[0] == "btime" && absl::SimpleAtod(words[1], &seconds))
      return seconds;
  }
  return std::nullopt;
}

std::optional<double> OpenFiles() {
  std::error_code error;
  double count = 0;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  if (error) return std::nullopt;
  return count - 1;  // that of the folder itself
}

std::optional<double> MostFiles() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

template <typename Read>
void Figure(Book* book, Id id, Read read) {
  book->OnScrape(id, [read]() -> std::vector<Sample> {
    const std::optional<double> value = read();
    if (!value.has_value()) return {};
    return {{{}, *value}};
  });
}

template <typename Read>
void OfStat(Book* book, Id id, Read read) {
  Figure(book, id, [read]() -> std::optional<double> {
    const std::optional<ProcessStat> stat = ParseProcessStat(FirstOf("/proc/self/stat"));
    if (!stat.has_value()) return std::nullopt;
    return read(*stat);
  });
}

}  // namespace

std::optional<ProcessStat> ParseProcessStat(absl::string_view text) {
  // The second field is the program's name in parentheses, which may hold anything.
  const size_t name_end = text.rfind(')');
  if (name_end == absl::string_view::npos) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text.substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr size_t kUser = 11, kSystem = 12, kStart = 19, kVirtual = 20, kResident = 21;
  if (fields.size() <= kResident) return std::nullopt;
  ProcessStat stat;
  uint64_t user = 0, system = 0;
  if (!absl::SimpleAtoi(fields[kUser], &user) || !absl::SimpleAtoi(fields[kSystem], &system) ||
      !absl::SimpleAtoi(fields[kStart], &stat.start_ticks) ||
      !absl::SimpleAtoi(fields[kVirtual], &stat.virtual_bytes) ||
      !absl::SimpleAtoi(fields[kResident], &stat.resident_pages)) {
    return std::nullopt;
  }
  stat.cpu_ticks = user + system;
  return stat;
}

void RegisterProcess(Book* book) {
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  OfStat(book, Id::kProcessMemory, [page](const ProcessStat& stat) {
    return static_cast<double>(stat.resident_pages) * page;
  });
  OfStat(book, Id::kProcessVirtual,
         [](const ProcessStat& stat) { return static_cast<double>(stat.virtual_bytes); });
  OfStat(book, Id::kProcessCpu,
         [ticks](const ProcessStat& stat) { return static_cast<double>(stat.cpu_ticks) / ticks; });
  OfStat(book, Id::kProcessStart, [ticks](const ProcessStat& stat) -> std::optional<double> {
    const std::optional<double> start = MachineStart();
    if (!start.has_value()) return std::nullopt;
    return *start + static_cast<double>(stat.start_ticks) / ticks;
  });
  Figure(book, Id::kProcessFiles, OpenFiles);
  Figure(book, Id::kProcessMostFiles, MostFiles);
}

}  // namespace sallyport::metrics
