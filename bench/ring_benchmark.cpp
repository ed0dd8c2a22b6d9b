// What a message costs the two sides of a ring when nothing crosses between cores: push and pop in one thread, in batches of
// 16 as a busy consumer sees them. Steady under callgrind: `valgrind --tool=callgrind ring_benchmark --benchmark_min_time=0.01`.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace {

using namespace ringmail::transport;

constexpr std::uint64_t capacity = 1 << 20;
constexpr int batch = 16;

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

struct Ring {
  std::unique_ptr<std::byte, Free> data{static_cast<std::byte*>(std::aligned_alloc(page_bytes, capacity))};
  ProducerBlock producer_block;
  ConsumerBlock consumer_block;
  RingProducer producer;
  RingConsumer consumer;

  Ring() {
    std::memset(data.get(), 0, capacity);
    producer =
        RingProducer({.data = data.get(), .capacity = capacity, .own = &producer_block, .other = &consumer_block});
    consumer =
        RingConsumer({.data = data.get(), .capacity = capacity, .other = &producer_block, .own = &consumer_block});
  }
};

template <bool publish_each>
void push_and_pop(benchmark::State& state) {
  Ring ring;
  const auto length = static_cast<std::uint32_t>(state.range(0));
  const auto source = std::make_unique<std::byte[]>(length);
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (int i = 0; i < batch; ++i) {
      std::memcpy(ring.producer.try_loan(length), source.get(), length);
      ring.producer.commit({.type = 1, .target = 1, .sender = 1});
      if constexpr (publish_each) ring.producer.publish();
    }
    if constexpr (!publish_each) ring.producer.publish();
    while (const auto frame = ring.consumer.peek()) {
      ring.consumer.begin();
      std::uint64_t word = 0;
      std::memcpy(&word, frame->payload, sizeof word);
      sum += word;
      ring.consumer.advance();
    }
    ring.consumer.store_cursor();
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * batch);
  state.SetBytesProcessed(state.iterations() * batch * state.range(0));
}

BENCHMARK(push_and_pop<true>)->Name("ring/published_each")->Arg(32)->Arg(256)->Arg(4096);
BENCHMARK(push_and_pop<false>)->Name("ring/published_in_batches_of_16")->Arg(32)->Arg(256)->Arg(4096);

}  // namespace
