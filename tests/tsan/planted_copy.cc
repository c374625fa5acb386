// A data race on purpose, of two copies to one place: TSan is blind to it, and to frees, where an
// option makes it ignore what libraries do. Programs without gRPC must run without that option.
// Expected: a report that names this file.
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

namespace {

std::string& Place() {
  static std::string place(1000, ' ');
  return place;
}

void Copy(char letter) {
  const std::string from(Place().size(), letter);
  memcpy(Place().data(), from.data(), from.size());
}

}  // namespace

int main() {
  std::thread other([] { Copy('a'); });
  Copy('b');
  other.join();
  std::printf("planted: %c\n", Place().front());
  return 0;
}
