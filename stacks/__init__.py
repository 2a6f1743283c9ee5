"""The program: reads the configuration, refuses bad ones, composes, exports."""
