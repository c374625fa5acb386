// Memory, open files and processor time of the process, read from /proc when it is scraped
// (proc(5)). What cannot be read is left out.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "shared/metrics/sheet.h"

namespace sallyport::metrics {

// Fields of /proc/self/stat.
struct ProcessStat {
  uint64_t cpu_ticks = 0;    // user and system
  uint64_t start_ticks = 0;  // since the machine's start
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};
[[nodiscard]] std::optional<ProcessStat> ParseProcessStat(absl::string_view text);

// The book may outlive whoever calls.
void RegisterProcess(Book* book);

}  // namespace sallyport::metrics
