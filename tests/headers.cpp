// Only its headers are of use: see CMakeLists.txt.
int main() {}
